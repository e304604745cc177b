// Written by `cache-web` from the queries of the server. Do not edit it: run their test with `CACHE_WEB=write`.
/* eslint-disable */
import { type DataTag, hashKey, hydrate, type QueryClient } from "@tanstack/query-core"

/** How long the last answer of a page may be on its way. Some browsers do not tell that a page has broken off. */
const GRACE = 1_000

/** Where the server answers. */
let answers = "/_q"

/** Freshness times of single answers, by the hash of the key. */
const freshness = new Map<string, number>()

async function load<V>(name: string, key: unknown, signal?: AbortSignal): Promise<V> {
  const response = await fetch(`${answers}/${name}?key=${encodeURIComponent(JSON.stringify(key))}`, {
    signal: signal ?? null,
  })
  if (!response.ok) throw new Error(`the server answers ${name} with status ${response.status}`)
  const value = (await response.json()) as V
  freshness.delete(hashKey([name, key]))
  return value
}

function query<N extends string, K, V>(name: N, key: K, staleTime: number, gcTime?: number) {
  return {
    queryKey: [name, key] as unknown as DataTag<readonly [N, K], V, Error>,
    queryFn: ({ signal }: { signal: AbortSignal }) => load<V>(name, key, signal),
    staleTime: (query: { queryHash: string }) => freshness.get(query.queryHash) ?? staleTime,
    ...(gcTime === undefined ? {} : { gcTime }),
  }
}

/** What the server says. See `cache-web/src/page/state.rs`. */
interface Message {
  i?: number
  q?: string
  k?: unknown
  d?: unknown
  a?: number
  f?: number
  s?: 1
  e?: string | null
  t?: number
  end?: 1
}

interface Announced {
  name: string
  key: unknown
  resolve: (value: unknown) => void
  reject: (error: Error) => void
}

/**
 * Takes over what the server knew when it wrote this page: answers go into the cache, with their ages, and queries whose
 * answers still follow wait for these instead of making a request. Call it once, before the first query.
 *
 * @param client - The client of the whole page.
 * @param options - `answers`: where the server answers, if not at `/_q`.
 */
export function openCache(client: QueryClient, options: { answers?: string } = {}): void {
  answers = options.answers ?? answers
  const scope = globalThis as { __cacheWeb?: { push(text: string): void } | string[] }
  const announced = new Map<number, Announced>()

  /** Hands an entry over to the library, which keeps what is newer. */
  function hand(name: string, key: unknown, state: object, promise?: Promise<unknown>): void {
    const queryKey = [name, key]
    const query = { queryKey, queryHash: hashKey(queryKey), state, dehydratedAt: Date.now(), ...(promise && { promise }) }
    hydrate(client, { queries: [query as never] })
  }

  function times(name: string, key: unknown, { a = 0, f, s }: Message) {
    if (f !== undefined) freshness.set(hashKey([name, key]), f)
    return { dataUpdatedAt: Date.now() - a, isInvalidated: s === 1 }
  }

  const none = {
    data: undefined, dataUpdateCount: 0, dataUpdatedAt: 0, error: null, errorUpdateCount: 0, errorUpdatedAt: 0,
    fetchFailureCount: 0, fetchFailureReason: null, fetchMeta: null, fetchStatus: "idle", isInvalidated: false,
    status: "pending",
  }

  function announce(i: number, name: string, key: unknown): void {
    const promise = new Promise((resolve, reject) => announced.set(i, { name, key, resolve, reject }))
    promise.catch(() => {})
    hand(name, key, none, promise)
  }

  function settle({ name, key, resolve, reject }: Announced, message: Message): void {
    if ("d" in message) {
      const state = times(name, key, message)
      resolve(message.d)
      // The library takes the present for the time of the answer, a moment from now.
      if (message.s || message.a) {
        setTimeout(() => client.getQueryCache().get(hashKey([name, key]))?.setState(state), 0)
      }
    } else if ("e" in message) reject(new Error(message.e ?? `the load of ${name} has failed`))
    else resolve(load(name, key))
  }

  function take(message: Message): void {
    const { i, q, k, t } = message
    const waiting = i === undefined ? undefined : announced.get(i)
    if (message.end) close()
    else if (t !== undefined) setTimeout(close, t + GRACE)
    else if (q === undefined) {
      if (waiting) settle(waiting, message)
      announced.delete(i!)
    } else if ("d" in message) hand(q, k, { ...none, ...times(q, k, message), data: message.d, status: "success" })
    else if (!("e" in message)) announce(i!, q, k)
    // What has failed is loaded when it is needed.
  }

  const receive = (text: string) => (JSON.parse(text) as Message[]).forEach(take)

  /** Nothing more arrives: what was announced is loaded now. */
  function close(): void {
    observer?.disconnect()
    for (const [i, waiting] of announced) {
      announced.delete(i)
      settle(waiting, {})
    }
  }

  /** Reads the blocks of data that have arrived whole. */
  function readBlocks(): void {
    document.querySelectorAll("script[data-cache-web]").forEach((block) => {
      try {
        JSON.parse(block.textContent ?? "")
      } catch {
        return
      }
      block.remove()
      receive(block.textContent ?? "")
    })
  }

  const observer = typeof MutationObserver === "undefined" ? undefined : new MutationObserver(readBlocks)
  const early = scope.__cacheWeb
  scope.__cacheWeb = { push: receive }
  if (Array.isArray(early)) early.forEach(receive)
  readBlocks()
  if (document.readyState === "loading") {
    observer?.observe(document, { childList: true, subtree: true, characterData: true })
    document.addEventListener("DOMContentLoaded", () => {
      readBlocks()
      close()
    })
  } else close()
}

/**
 * One article, whole.
 */
export type Article = { 
/**
 * The part that a list shows.
 */
card: Card, 
/**
 * Its text.
 */
paragraphs: Array<string>, 
/**
 * The [`checksum`] of the article and the name of its author.
 */
checksum: number, };

/**
 * What a list shows of an article.
 */
export type Card = { 
/**
 * Number in the database.
 */
id: number, 
/**
 * Number of its author.
 */
author: number, 
/**
 * Its section.
 */
section: Section, 
/**
 * The headline.
 */
title: string, 
/**
 * The sentence below the headline.
 */
standfirst: string, 
/**
 * In seconds since 1970.
 */
published: number, };

/**
 * The comments on an article, with the names of their authors.
 */
export type Discussion = { 
/**
 * How many there are.
 */
total: number, 
/**
 * The newest of them, newest first.
 */
newest: Array<SignedComment>, };

/**
 * One article. "Not found" is an answer too, which is kept for a shorter time.
 */
export type GetArticle = { 
/**
 * Its number.
 */
id: number, };

/**
 * The comments on an article with the names of their authors, as a page shows them. Built from [`GetComments`], and
 * invalidated with it; a new name of an author invalidates all.
 */
export type GetDiscussion = { 
/**
 * Number of the article.
 */
article: number, };

/**
 * The parts of the newspaper.
 */
export type Section = "city" | "science" | "culture" | "business" | "sport" | "travel";

/**
 * A comment, and the name of its author.
 */
export type SignedComment = { 
/**
 * Its position among the comments on the article; the first is 1, and 0 if it is not written yet.
 */
number: number, 
/**
 * Its author.
 */
name: string, 
/**
 * Number of its author; `None` if the comment is not written yet.
 */
author: number | null, 
/**
 * The text.
 */
text: string, 
/**
 * Whether a page shows only its beginning, until the reader opens the rest.
 */
is_long: boolean, 
/**
 * In seconds since 1970.
 */
posted: number, };

/**
 * One article. "Not found" is an answer too, which is kept for a shorter time.
 */
export const getArticle = (key: GetArticle) => query<"get_article", GetArticle, Article | null>("get_article", key, 3600000)

/**
 * The comments on an article with the names of their authors, as a page shows them. Built from [`GetComments`], and
 * invalidated with it; a new name of an author invalidates all.
 */
export const getDiscussion = (key: GetDiscussion) => query<"get_discussion", GetDiscussion, Discussion>("get_discussion", key, 3600000)
