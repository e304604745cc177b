// The program of the browser in the test: shows two queries, and writes down what it sees.
import { QueryClient, QueryObserver } from "@tanstack/query-core"
import { article, openCache, remarks } from "./magazine"

const client = new QueryClient()
openCache(client)
const seen = document.createElement("pre")
seen.id = "seen"
document.documentElement.append(seen)
document.addEventListener("DOMContentLoaded", () => (seen.textContent += "the page has ended\n"))

function show(name, options) {
  const observer = new QueryObserver(client, options)
  const write = ({ status, data }) => {
    const text = `${name} ${status} ${JSON.stringify(data)}\n`
    if (!seen.textContent.endsWith(text)) seen.textContent += text
  }
  observer.subscribe(write)
  write(observer.getCurrentResult())
}

show("article", article({ id: 7 }))
show("remarks", remarks({ article: 7, millis: 300 }))
