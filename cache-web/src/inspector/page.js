"use strict"
// All texts from the server become text nodes: nothing is ever parsed as HTML.
const $ = (id) => document.getElementById(id)
const millis = (time) => typeof time === "number" ? time : time.secs * 1000 + time.nanos / 1e6
const whole = new Intl.NumberFormat("en")
const number = (value) => whole.format(value)

function duration(time) {
  if (time == null) return "–"
  const ms = millis(time)
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor(ms / 1000) % 60} s`
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h ${Math.floor(ms / 60_000) % 60} min`
  return `${number(Math.floor(ms / 86_400_000))} d`
}

/** Creates an element. Attributes that are functions listen to events. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value)
    else element.setAttribute(key, value)
  }
  element.append(...children)
  return element
}

/** Sets the text of an element, if it differs: so a selection of text stays. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function style(element, name) {
  if (element.className !== name) element.className = name
}

/** Shows rows of cells. Rows with the same key stay the same elements, so that the focus stays where it is. */
function fill(body, rows, create) {
  const known = body.rowsByKey ??= new Map()
  const seen = new Set()
  let place = body.firstElementChild
  for (const { key, row: name = "", cells } of rows) {
    seen.add(key)
    let row = known.get(key)
    if (!row) {
      row = make("tr")
      cells.forEach((cell, at) => row.append(create?.(at, cell, key) ?? make("td")))
      known.set(key, row)
    }
    style(row, name)
    cells.forEach((cell, at) => {
      const element = row.children[at]
      if (typeof cell === "function") return cell(element)
      const [text, kind = ""] = Array.isArray(cell) ? cell : [cell]
      if (!element.dataset.made) say(element, text)
      style(element, kind)
    })
    if (row !== place) body.insertBefore(row, place)
    else place = place.nextElementSibling
  }
  for (const [key, row] of known) {
    if (seen.has(key)) continue
    row.remove()
    known.delete(key)
  }
}

// Tables

const SVG = "http://www.w3.org/2000/svg"

function ratio(hits, misses) {
  return (cell) => {
    if (!cell.firstChild) {
      const picture = document.createElementNS(SVG, "svg")
      picture.append(document.createElementNS(SVG, "rect"))
      picture.setAttribute("aria-hidden", "true")
      const bar = make("span", { class: "bar" }, picture)
      cell.append(bar, make("span"))
    }
    const [bar, text] = cell.children
    const reads = hits + misses
    const part = reads ? hits / reads : 0
    bar.hidden = !reads
    const rect = bar.querySelector("rect")
    rect.setAttribute("width", `${part * 100}%`)
    rect.setAttribute("height", "100%")
    say(text, reads ? `${(part * 100).toFixed(1)} %` : "–")
  }
}

function tableButton(at, name) {
  if (at !== 0) return null
  const choose = () => {
    $("table").value = name
    search()
    $("text").focus()
  }
  const cell = make("td", {}, make("button", { type: "button", title: "Show its entries", click: choose }, name))
  cell.dataset.made = "1"
  return cell
}

function showTables(tables) {
  const chosen = $("table").value
  fill($("tables").tBodies[0], tables.map((table) => {
    const { removals } = table
    const isIdle = !table.kept && !table.survivors && !table.hits && !table.misses
    const count = (value) => [number(value), "number"]
    return {
      key: table.name,
      row: table.name === chosen ? "chosen" : isIdle ? "idle" : "",
      cells: [
        table.name, table.bound, count(table.kept), count(table.survivors), count(table.pins), count(table.hits),
        count(table.misses), ratio(table.hits, table.misses), count(removals.evicted), count(removals.expired),
        count(removals.removed), count(removals.replaced), count(removals.cleared),
      ],
    }
  }), tableButton)
  const select = $("table")
  if (select.options.length !== tables.length + 1) {
    select.replaceChildren(make("option", { value: "" }, "all"), ...tables.map(({ name }) => make("option", { value: name }, name)))
    select.value = chosen
  }
}

// Lists: flights, observed keys, layers and so on

const lists = new Map()

function list(name, title, total, columns, rows, empty) {
  let part = lists.get(name)
  if (!part) {
    const count = make("span", { class: "count" }), body = make("tbody"), note = make("p", { class: "note" })
    const heading = make("h2", { id: `${name}-title` }, title, count)
    const heads = columns.map((column) => make("th", { scope: "col" }, column))
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)
    const wide = make("div", { class: "wide tall", tabindex: "0", role: "region", "aria-labelledby": heading.id }, table)
    const section = make("section", { id: name, "aria-labelledby": heading.id }, heading, wide, note)
    $("lists").append(section)
    lists.set(name, part = { count, body, wide, note })
  }
  say(part.count, number(total))
  part.wide.hidden = rows.length === 0
  const more = total - rows.length
  say(part.note, rows.length === 0 ? empty : more > 0 ? `and ${number(more)} more` : "")
  part.note.hidden = part.note.textContent === ""
  // The place makes keys of rows unique.
  fill(part.body, rows.map((cells, at) => ({ key: `${at}`, cells })))
}

const keyCell = (table, key) => (cell) => {
  if (cell.children.length !== 2) cell.replaceChildren(make("span"), make("small"))
  style(cell, "key")
  say(cell.firstChild, key)
  say(cell.lastChild, table)
}

function showActivity({ flights, observers, layers, breakers, provider, shared, sections }, { commits, log }) {
  list("flights", "Flights", flights.total, ["Key", "Waiting", "Running for", "Doing"], flights.rows.map((flight) => [
    keyCell(flight.table, flight.key), [number(flight.waiters), "number"], [duration(flight.age), "number"], flight.phase,
  ]), "No load is running.")
  list("commits", "Last commits", commits.length, ["Revision", "Label", "Tables"], commits.toReversed().map((commit) => [
    [number(commit.revision), "number"], commit.label ?? "–", commit.tables.join(", "),
  ]), log ? "There was no commit yet." : "Commits are not logged; cache.commit_log().keep(100) switches that on.")
  list("observers", "Observed keys", observers.total, ["Key", "Observers"], observers.rows.map((observed) => [
    keyCell(observed.table, observed.key), [number(observed.observers), "number"],
  ]), "Nothing is observed.")
  const layered = layers.rows.flatMap((layer) => {
    const keys = layer.keys.rows.map((one) => [`${layer.number}`, keyCell(one.table, one.key)])
    const more = layer.keys.total - keys.length
    return more > 0 ? [...keys, [`${layer.number}`, `and ${number(more)} more keys`]] : keys
  })
  list("layers", "Layers", layers.total, ["Layer", "Key"], layered, "There is no optimistic layer.")
  list("breakers", "Circuit breakers", breakers.length, ["Breaker", "State", "Failures", "Recent"], breakers.map((breaker) => [
    breaker.name,
    [breaker.retry_in ? `${breaker.state}, trial in ${duration(breaker.retry_in)}` : breaker.state, breaker.state],
    `${number(breaker.failures)} of ${number(breaker.failures_allowed)}`,
    breaker.recent ? `${number(breaker.recent[1])} of ${number(breaker.recent[0])} failed` : "–",
  ]), "No breaker was used or configured.")
  const tier = (name, errors, writes) => [name, [number(errors), errors ? "invalidated" : ""], number(writes)]
  const tiers = []
  if (provider) tiers.push(tier("provider", provider.errors, provider.writes))
  if (shared) {
    const state = shared.is_usable ? `${duration(shared.lag)} behind` : "not in use"
    const { errors, timeouts } = shared.counts
    tiers.push(tier(`shared, ${state}`, errors + timeouts, shared.outbox + shared.under_way))
  }
  list("tiers", "Tiers", tiers.length, ["Tier", "Errors", "Writes under way"], tiers, "There is neither a provider nor a shared tier.")
  for (const section of sections) {
    list(`section-${section.name}`, section.name[0].toUpperCase() + section.name.slice(1), section.rows.total, section.columns, section.rows.rows, "There are none.")
  }
}

function showFigures({ revision, tables, activity }) {
  const sum = (of) => tables.reduce((all, table) => all + of(table), 0)
  const hits = sum((table) => table.hits), misses = sum((table) => table.misses)
  const figures = [
    ["entries", number(sum((table) => table.kept + table.survivors))],
    ["hits", number(hits)],
    ["hit ratio", hits + misses ? `${((hits / (hits + misses)) * 100).toFixed(1)} %` : "–"],
    ["loads running", number(activity.running)],
    ["revision", number(revision)],
    ["source", activity.is_online ? "online" : "offline"],
  ]
  const place = $("figures")
  if (!place.firstChild) place.append(...figures.map(([name]) => make("div", {}, make("dt", {}, name), make("dd"))))
  figures.forEach(([, text], at) => say(place.children[at].lastChild, text))
}

function show(state) {
  showFigures(state)
  showTables(state.tables)
  showActivity(state.activity, state)
}

// Updates

let updates = null
let lostAt = null

function status(text, name) {
  say($("status"), text)
  style($("status"), name)
}

function open() {
  updates?.close()
  updates = new EventSource("updates")
  updates.onmessage = ({ data }) => {
    lostAt = null
    show(JSON.parse(data))
    status("live", "on")
  }
  updates.onerror = () => {
    // A stream ends after a while, and the browser opens the next one.
    lostAt ??= Date.now()
    if (updates.readyState === EventSource.CLOSED) status("refused: open the link of the program again", "off")
  }
}

setInterval(() => {
  if (updates && lostAt && Date.now() - lostAt > 2_000) {
    if (updates.readyState === EventSource.CLOSED) open()
    else status("no connection", "off")
  }
}, 2_000)

$("pause").addEventListener("click", () => {
  const isPaused = updates !== null
  $("pause").setAttribute("aria-pressed", `${isPaused}`)
  say($("pause"), isPaused ? "Go on" : "Pause")
  if (isPaused) {
    updates.close()
    updates = null
    lostAt = null
    status("paused", "")
  } else {
    status("connecting …", "")
    open()
  }
})

// Entries

/** How many entries are shown, or added by one press of the button. */
const ROWS = 50
let found = []
let visited = 0
let next = null
let running = null

/** Starts a new search. */
async function search() {
  running?.abort()
  found = []
  visited = 0
  next = ""
  await more()
}

/** Asks for parts of the entries, one after the other, until there are enough more rows, or all were visited. */
async function more() {
  running?.abort()
  const own = running = new AbortController()
  const wanted = found.length + ROWS
  try {
    do {
      const query = new URLSearchParams({ q: $("text").value, table: $("table").value, from: next, rows: wanted - found.length })
      const response = await fetch(`entries?${query}`, { signal: own.signal })
      if (!response.ok) throw new Error(await response.text())
      const page = await response.json()
      found.push(...page.entries)
      visited += page.visited
      next = page.next
      showEntries(next !== null && found.length < wanted)
    } while (next !== null && found.length < wanted)
  } catch (error) {
    if (error.name !== "AbortError") say($("found"), `The entries cannot be read: ${error.message}`)
  }
}

function showEntries(isSearching) {
  const entries = `${number(found.length)} ${found.length === 1 ? "entry" : "entries"}`
  const end = isSearching ? " so far …" : next === null ? "" : ", and there may be more"
  say($("found"), `${entries}${end} · ${number(visited)} places visited`)
  $("more").hidden = isSearching || next === null
  fill($("rows").tBodies[0], found.map((entry, at) => ({
    key: `${at}`,
    cells: [
      keyCell(entry.table, entry.key),
      entry.is_expired ? ["expired", "expired"] : [entry.freshness, entry.freshness],
      [duration(entry.age), "number"], [entry.fresh_for === null ? "always" : duration(entry.fresh_for), "number"],
      [duration(entry.swr), "number"], [duration(entry.stale_if_error), "number"], [duration(entry.remaining), "number"],
      { resident: "table", pinned: "pin", survivor: "program" }[entry.residency] ?? entry.residency,
      [number(entry.holders), "number"], [number(entry.weight), "number"], [number(entry.revision), "number"],
    ],
  })))
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault()
  search()
})
$("table").addEventListener("change", search)
$("more").addEventListener("click", more)
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea")
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault()
    $("text").focus()
    $("text").select()
  }
  if (event.key === "Escape" && event.target === $("text")) {
    $("text").value = ""
    search()
  }
})

open()
search()
