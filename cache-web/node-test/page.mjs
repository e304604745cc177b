// A browser's view of a page that arrives in flushes: runs its scripts, or shows its blocks of data.
import vm from "node:vm"

const ELEMENT = /<script (nonce="[0-9a-f]{32}"|type="application\/json" data-cache-web)>([^]*?)<\/script/gi

export class Page {
  #listeners = []
  #blocks = []
  #observers = []

  constructor() {
    const page = this
    globalThis.__cacheWeb = undefined
    globalThis.document = {
      readyState: "loading",
      addEventListener: (name, listener) => name === "DOMContentLoaded" && this.#listeners.push(listener),
      querySelectorAll: (selector) => {
        if (selector !== "script[data-cache-web]") throw new Error(`no elements for ${selector}`)
        return [...this.#blocks]
      },
    }
    globalThis.MutationObserver = class {
      constructor(callback) {
        this.callback = callback
      }
      observe() {
        page.#observers.push(this)
      }
      disconnect() {
        page.#observers = page.#observers.filter((other) => other !== this)
      }
    }
  }

  /** A part of the document arrives. */
  receive(html) {
    for (const [, attributes, text] of html.matchAll(ELEMENT)) {
      if (attributes.startsWith("nonce")) vm.runInThisContext(text.replaceAll("self.", "globalThis."))
      else this.block(text)
    }
  }

  /** A block of data arrives, in pieces of one character each if so asked. */
  block(text, inPieces = false) {
    const block = { textContent: "", remove: () => (this.#blocks = this.#blocks.filter((other) => other !== block)) }
    this.#blocks.push(block)
    for (const piece of inPieces ? text : [text]) {
      block.textContent += piece
      this.#changed()
    }
  }

  #changed() {
    for (const observer of [...this.#observers]) observer.callback()
  }

  /** The document has arrived, or its connection has broken. */
  end() {
    document.readyState = "interactive"
    for (const listener of this.#listeners) listener()
  }
}
