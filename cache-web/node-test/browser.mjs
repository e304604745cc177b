// Opens the sample pages in Chromium, and counts the requests that follow the document.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { buildSync } from "esbuild"

const samples = JSON.parse(readFileSync(new URL("samples.json", import.meta.url)))
const app = buildSync({
  entryPoints: [new URL("app.mjs", import.meta.url).pathname],
  bundle: true, format: "esm", minify: true, write: false,
}).outputFiles[0].contents

const NONCE = "0".repeat(32)
let server, profile, page

before(async () => {
  profile = mkdtempSync(join(tmpdir(), "cache-web-"))
  server = createServer((request, response) => page.answer(request, response))
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
})

after(() => {
  server.closeAllConnections()
  server.close()
  rmSync(profile, { recursive: true, force: true })
})

/** A page that is sent flush by flush; the next one follows when the program of the browser has been sent. */
class Site {
  requests = []
  #programLoaded

  constructor(sample, policy, { cut = false } = {}) {
    this.flushes = samples[sample]
    this.policy = policy
    this.cut = cut
    this.loaded = new Promise((resolve) => (this.#programLoaded = resolve))
  }

  async answer(request, response) {
    if (request.url === "/app.js") {
      response.writeHead(200, { "content-type": "text/javascript" }).end(app, () => this.#programLoaded())
    } else if (request.url === "/") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": this.policy })
      const [first, ...rest] = this.flushes
      response.write(`<!doctype html><script nonce="${NONCE}" type="module" async src="/app.js"></script>${first}`)
      await this.loaded
      // Some time for the program to run before its page goes on.
      await new Promise((resolve) => setTimeout(resolve, 500))
      if (this.cut) return response.destroy()
      // Slowly: a block of data arrives in pieces.
      for (const html of rest) {
        for (let at = 0; at < html.length; at += 20) {
          response.write(html.slice(at, at + 20))
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      // What has arrived is shown before the page ends.
      await new Promise((resolve) => setTimeout(resolve, 300))
      response.end()
    } else {
      this.requests.push(decodeURIComponent(request.url))
      response.writeHead(request.url.startsWith("/_q/") ? 200 : 404, { "content-type": "application/json" })
      response.end('["from the route"]')
    }
  }

  /** Opens the page. Returns what its program has seen. */
  async open() {
    page = this
    const { stdout } = await promisify(execFile)(process.env.CHROMIUM, [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${profile}`,
      "--timeout=5000", "--dump-dom", `http://127.0.0.1:${server.address().port}/`,
    ], { timeout: 60_000 })
    const seen = stdout.match(/<pre id="seen">([^<]*)<\/pre>/)
    assert.ok(seen, `the program has run: ${stdout}`)
    this.requests = this.requests.filter((url) => url !== "/favicon.ico")
    return seen[1].trim().split("\n")
  }
}

const FOLLOWED = ['article success "Article 7"', "remarks pending undefined", 'remarks success ["Remark on 7"]']

for (const [what, sample, policy] of [
  ["scripts with a nonce", "announced", `default-src 'none'; script-src 'nonce-${NONCE}'; connect-src 'self'`],
  ["blocks of data, and no inline script", "announced in blocks", "default-src 'none'; script-src 'self'; connect-src 'self'"],
]) {
  test(`no request follows the document: ${what}`, async () => {
    const site = new Site(sample, policy)
    assert.deepEqual(await site.open(), [...FOLLOWED, "the page has ended"])
    assert.deepEqual(site.requests, [])
  })
}

test("a page that breaks off is completed by one request", async () => {
  const site = new Site("announced", `script-src 'nonce-${NONCE}'`, { cut: true })
  const seen = await site.open()
  assert.deepEqual(seen, [...FOLLOWED.slice(0, 2), 'remarks success ["from the route"]'])
  assert.deepEqual(site.requests, ['/_q/remarks?key={"article":7,"millis":300}'])
})
