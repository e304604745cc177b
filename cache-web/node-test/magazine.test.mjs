import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { afterEach, beforeEach, mock, test } from "node:test"
import { gzipSync } from "node:zlib"
import { QueryClient, QueryObserver, environmentManager, hashKey } from "@tanstack/query-core"
import { buildSync } from "esbuild"
import { article, echo, openCache, remarks } from "./build/magazine.mjs"
import { Page } from "./page.mjs"

// In server mode the library does not retry, and never collects what is unused.
environmentManager.setIsServer(() => false)

const samples = JSON.parse(readFileSync(new URL("samples.json", import.meta.url)))
const SEVEN = { id: 7 }
const REMARKS = { article: 7, millis: 300 }

let requests, client, observers

beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: 1_000_000_000_000 })
  requests = []
  observers = []
  client = new QueryClient()
  client.mount()
  globalThis.fetch = async (url) => {
    requests.push(decodeURIComponent(url))
    return { ok: true, json: async () => ["from the route"] }
  }
})

afterEach(() => {
  observers.forEach((stop) => stop())
  client.clear()
  client.unmount()
  mock.timers.reset()
})

/** Lets all promises settle that can. */
const settle = async () => {
  for (let turn = 0; turn < 50; turn++) await null
}

/** A part of the page that shows a query. */
function show(options) {
  const observer = new QueryObserver(client, options)
  observers.push(observer.subscribe(() => {}))
  return observer
}

function openAfterFirst(sample) {
  const page = new Page()
  const [first, ...rest] = samples[sample]
  page.receive(first)
  openCache(client)
  return { page, rest }
}

test("settled and announced answers need no request", async () => {
  for (const sample of ["announced", "announced in blocks"]) {
    client.clear()
    const { page, rest } = openAfterFirst(sample)
    const [settled, announced] = [show(article(SEVEN)), show(remarks(REMARKS))]
    assert.equal(settled.getCurrentResult().data, "Article 7")
    assert.equal(announced.getCurrentResult().status, "pending")
    await settle()
    rest.forEach((html) => page.receive(html))
    page.end()
    await settle()
    assert.deepEqual(announced.getCurrentResult().data, ["Remark on 7"])
    // A part that appears later.
    mock.timers.tick(3_000)
    assert.deepEqual(show(remarks(REMARKS)).getCurrentResult().data, ["Remark on 7"])
    await settle()
    assert.deepEqual(requests, [], sample)
  }
})

test("an answer becomes stale when it does on the server, whatever the clocks say", async () => {
  const { page, rest } = openAfterFirst("announced")
  rest.forEach((html) => page.receive(html))
  await settle()
  // It was 20 s old, and is fresh for 60 s.
  assert.equal(client.getQueryState(article(SEVEN).queryKey).dataUpdatedAt, Date.now() - 20_000)
  mock.timers.tick(39_000)
  show(article(SEVEN))
  await settle()
  assert.deepEqual(requests, [])
  mock.timers.tick(2_000)
  show(article(SEVEN))
  await settle()
  assert.deepEqual(requests, ['/_q/article?key={"id":7}'])
})

test("a stream that breaks is loaded at once by the part that waits", async () => {
  const { page } = openAfterFirst("announced")
  const announced = show(remarks(REMARKS))
  await settle()
  page.end()
  await settle()
  assert.deepEqual(requests, ['/_q/remarks?key={"article":7,"millis":300}'])
  assert.deepEqual(announced.getCurrentResult().data, ["from the route"])
})

test("a page that breaks off without notice is given up after its deadline", async () => {
  openAfterFirst("announced")
  const announced = show(remarks(REMARKS))
  // The server has a second for the page, and its last answer another one to arrive.
  mock.timers.tick(1_999)
  await settle()
  assert.deepEqual(requests, [])
  mock.timers.tick(1)
  await settle()
  assert.deepEqual(announced.getCurrentResult().data, ["from the route"])
  assert.equal(requests.length, 1)
})

test("what is skipped is loaded at once", async () => {
  const { page, rest } = openAfterFirst("skipped")
  const announced = show(remarks({ article: 7, millis: 5_000 }))
  rest.forEach((html) => page.receive(html))
  await settle()
  assert.deepEqual(announced.getCurrentResult().data, ["from the route"])
  assert.equal(requests.length, 1)
})

test("what has failed is retried by the library", async () => {
  const { page, rest } = openAfterFirst("failed")
  const { broken } = await import("./build/magazine.mjs")
  const shown = show(broken({ text: "x" }))
  rest.forEach((html) => page.receive(html))
  await settle()
  assert.deepEqual(requests, [])
  assert.equal(shown.getCurrentResult().failureReason.message, "the load of broken has failed")
  mock.timers.tick(1_000)
  await settle()
  assert.equal(requests.length, 1)
  assert.deepEqual(shown.getCurrentResult().data, ["from the route"])
})

/** The server says something more. */
const say = (...messages) => globalThis.__cacheWeb.push(JSON.stringify(messages))

test("an answer with a freshness time of its own is fresh for that time", async () => {
  new Page()
  openCache(client)
  say({ q: "article", k: SEVEN, d: "Article 7", a: 2_000, f: 5_000 })
  mock.timers.tick(2_900)
  show(article(SEVEN))
  await settle()
  assert.deepEqual(requests, [])
  mock.timers.tick(200)
  show(article(SEVEN))
  await settle()
  assert.equal(requests.length, 1)
  // That of the route has the time of the query again.
  mock.timers.tick(59_000)
  show(article(SEVEN))
  await settle()
  assert.equal(requests.length, 1)
})

test("an announced answer is as old as the server says", async () => {
  openAfterFirst("announced")
  say({ i: 1, d: ["Remark on 7"], a: 7_000 })
  await settle()
  mock.timers.tick(1)
  const { data, dataUpdatedAt } = client.getQueryState(remarks(REMARKS).queryKey)
  assert.deepEqual(data, ["Remark on 7"])
  assert.equal(dataUpdatedAt, 1_000_000_000_000 - 7_000)
})

test("a stale answer is shown, and loaded again", async () => {
  new Page()
  openCache(client)
  say({ q: "article", k: SEVEN, d: "Article 7", a: 0, s: 1 })
  const shown = show(article(SEVEN))
  assert.equal(shown.getCurrentResult().data, "Article 7")
  await settle()
  assert.equal(requests.length, 1)
  assert.deepEqual(shown.getCurrentResult().data, ["from the route"])
})

test("newer data is kept, and a fetch that runs goes on", async () => {
  client.setQueryData(article(SEVEN).queryKey, "Newer")
  let answer
  globalThis.fetch = (url) => new Promise((resolve) => {
    requests.push(url)
    answer = () => resolve({ ok: true, json: async () => ["mine"] })
  })
  const running = show(remarks(REMARKS))
  const { page, rest } = openAfterFirst("announced")
  rest.forEach((html) => page.receive(html))
  await settle()
  assert.equal(client.getQueryData(article(SEVEN).queryKey), "Newer")
  answer()
  await settle()
  assert.deepEqual(running.getCurrentResult().data, ["mine"])
  assert.equal(requests.length, 1)
})

test("every text arrives as it is", async () => {
  for (const sample of ["hostile", "hostile in blocks"]) {
    client.clear()
    const { page, rest } = openAfterFirst(sample)
    rest.forEach((html) => page.receive(html))
    await settle()
    for (const [text, value] of samples.texts) {
      const found = client.getQueryData(echo({ text, option: null }).queryKey)
      assert.deepEqual(found, value, `${sample}: ${JSON.stringify(text)}`)
      assert.ok(Object.hasOwn(found.map, text), "also as the key of an object")
    }
    assert.deepEqual(requests, [])
  }
})

test("blocks of data that arrive byte by byte are read once, when they are whole", async () => {
  const page = new Page()
  openCache(client)
  for (const html of samples["hostile in blocks"]) {
    for (const [, text] of html.matchAll(/data-cache-web>([^]*?)<\/script/g)) page.block(text, true)
  }
  await settle()
  for (const [text, value] of samples.texts) {
    assert.deepEqual(client.getQueryData(echo({ text, option: null }).queryKey), value)
  }
  page.end()
  await settle()
  assert.deepEqual(requests, [])
})

test("a page without state opens", async () => {
  const page = new Page()
  page.receive("<p>nothing</p>")
  openCache(client)
  page.end()
  show(article(SEVEN))
  await settle()
  assert.equal(requests.length, 1)
})

test("the hash of a key does not depend on the order of its fields", () => {
  let seed = 1
  const random = (below) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const word = () => String.fromCodePoint(...Array.from({ length: random(5) }, () => 32 + random(9_000)))
  const value = (depth) =>
    [
      () => null, () => random(2) === 1, () => random(2 ** 31) - 2 ** 30, () => random(1_000) / 7, word,
      () => Array.from({ length: random(3) }, () => value(depth + 1)),
      () => Object.fromEntries(Array.from({ length: random(4) }, () => [word(), value(depth + 1)])),
    ][random(depth < 3 ? 7 : 5)]()
  const turned = (key) => {
    if (Array.isArray(key)) return key.map(turned)
    if (key === null || typeof key !== "object") return key
    return Object.fromEntries(Object.entries(key).reverse().map(([name, value]) => [name, turned(value)]))
  }
  for (let count = 0; count < 10_000; count++) {
    const key = value(0)
    const sent = JSON.parse(JSON.stringify(turned(key)))
    assert.equal(hashKey(["query", sent]), hashKey(["query", key]))
  }
})

test("the module is small", () => {
  const { outputFiles } = buildSync({
    entryPoints: [new URL("magazine.ts", import.meta.url).pathname],
    bundle: true, minify: true, format: "esm", external: ["@tanstack/query-core"], write: false,
  })
  const size = gzipSync(outputFiles[0].contents).length
  assert.ok(size < 2_048, `${size} bytes compressed`)
})
