// What the compiler accepts, and what it must reject. Nothing runs this.
import { QueryClient } from "@tanstack/query-core"
import { article, counted, echo, remarks, openCache, type Numbers, type Texts } from "./magazine"

const client = new QueryClient()
openCache(client)
openCache(client, { answers: "/answers" })

// Without a type of its own, so that the compiler has to find it.
const title = await client.fetchQuery(article({ id: 7 }))
const list = await client.fetchQuery(remarks({ article: 7, millis: 0 }))
const numbers = await client.fetchQuery(counted({ large: 1 }))
const texts = await client.fetchQuery(echo({ text: "a", option: null }))
const cached = client.getQueryData(echo({ text: "a", option: "b" }).queryKey)
export const found: [string, string[], Numbers, Texts, Texts | undefined] = [title, list, numbers, texts, cached]
export const sample: Numbers = { parts: [{ count: 1, text: "18446744073709551615", ratio: 0.5 }] }

// @ts-expect-error: the value is a string
export const wrongValue: number = title
// @ts-expect-error: the value in the cache is not a string
export const wrongCached: string | undefined = cached
// @ts-expect-error: the field is a number
article({ id: "7" })
// @ts-expect-error: the field has another name
article({ number: 7 })
// @ts-expect-error: a field is missing
remarks({ article: 7 })
// @ts-expect-error: `None` is `null`
echo({ text: "a", option: undefined })
// @ts-expect-error: this number is a string
export const wrongSample: Numbers = { parts: [{ count: 1, text: 1, ratio: 0.5 }] }
