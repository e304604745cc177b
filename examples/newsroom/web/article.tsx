// The front of an article's page: its comments, as they arrive; the form, which shows a comment before it is written; and
// a bar that appears when the headline is out of sight. All that it shows came with the page, so it makes no request for
// it. `views/article.rs` has the same in HTML, for readers before this runs and without scripts.
import { QueryClient, QueryClientProvider, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useRef, useState } from "react"
import { createPortal } from "react-dom"
import { createRoot } from "react-dom/client"
import { follow } from "../assets/follow.js"
import { type Discussion, getArticle, getDiscussion, openCache, type SignedComment } from "./cache"

/** A comment of this reader that is being sent. */
interface Sent {
  name: string
  text: string
  /** How many comments there were before it. */
  after: number
}

/** What the reader may have written before this runs. */
interface Draft {
  name: string
  text: string
  /** The field with the focus. */
  focus: string | null
}

/** What the service says of the comments. */
interface News {
  is_refreshing: boolean
  comments: Discussion | null
}

/** Shows the comments on an article, and keeps them up to date once they are here. */
function Comments({ article, draft }: { article: number; draft: Draft }) {
  const { data, isError, refetch } = useQuery(getDiscussion({ article }))
  const { isLive, isRefreshing } = useLive(article, data !== undefined)
  const post = usePost(article)
  const sending = post.isPending ? post.variables : undefined
  // Those that arrive later are marked for a moment.
  const [first, setFirst] = useState<number>()
  if (data && first === undefined) setFirst(data.total)
  return (
    <section className={isRefreshing ? "discussion refreshing" : "discussion"} id="comments" data-total={data?.total}>
      <h2>
        <span className="total">{data ? count(data.total) : "Comments"}</span>
        <span className="live" hidden={!isLive}>live</span>
      </h2>
      <Form post={post} draft={draft} article={article} total={data?.total ?? 0} />
      <ol className="comments">
        {shown(data, sending).map((comment, at) => (
          <Comment key={comment.number || `unwritten ${at}`} comment={comment} isNew={comment.number > (first ?? 0)} />
        ))}
      </ol>
      {data && <p className="meta older" hidden={written(data).length === data.total}>Older comments are not shown.</p>}
      {!data && !isError && <p className="meta" role="status">The comments are on their way ...</p>}
      {!data && isError && (
        <p className="meta" role="alert">
          The comments cannot be shown now. <button className="again" onClick={() => refetch()}>Try again</button>
        </p>
      )}
    </section>
  )
}

function Comment({ comment, isNew }: { comment: SignedComment; isNew: boolean }) {
  const { number, name, text, is_long, posted } = comment
  return (
    <li data-number={number} className={number === 0 ? "sending" : isNew ? "new" : undefined}>
      <p className="meta">
        <strong><bdi>{name}</bdi></strong>
        <span>{number === 0 ? "sending ..." : <time dateTime={day(posted)}>{moment(posted)}</time>}</span>
      </p>
      <p className="said" dir="auto">{text}</p>
      {is_long && <details className="more"><summary>Whole comment</summary></details>}
    </li>
  )
}

function Form({ post, draft, article, total }: {
  post: ReturnType<typeof usePost>; draft: Draft; article: number; total: number
}) {
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    const field = draft.focus && form.current?.elements.namedItem(draft.focus)
    if (field instanceof HTMLElement) field.focus()
  }, [draft])
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    const [name, text] = [String(fields.get("name")), String(fields.get("text"))]
    post.mutate({ name, text, after: total }, {
      onSuccess: () => {
        const field = form.current?.elements.namedItem("text")
        if (field instanceof HTMLTextAreaElement && field.value === text) field.value = ""
      },
    })
  }
  return (
    <form className="comment" method="post" action={`/articles/${article}/comments`} onSubmit={submit} ref={form}>
      <label>Your name<input name="name" maxLength={60} autoComplete="name" defaultValue={draft.name} required /></label>
      <label>Your comment<textarea name="text" rows={4} maxLength={2000} defaultValue={draft.text} required /></label>
      <div className="send">
        <button disabled={post.isPending}>Post</button>
        <p className="notice" role="status">
          {post.isError && post.error.message}
          {post.isSuccess && "Posted. Thank you!"}
        </p>
      </div>
    </form>
  )
}

/** Appears when the headline is out of sight. */
function ReadingBar({ article }: { article: number }) {
  const [isBelow, setBelow] = useState(false)
  useEffect(() => {
    const headline = document.querySelector(".story > header")
    if (!headline) return
    const observer = new IntersectionObserver(([entry]) => setBelow(entry?.isIntersecting === false))
    observer.observe(headline)
    return () => observer.disconnect()
  }, [])
  return isBelow && createPortal(<Reading article={article} />, document.body)
}

function Reading({ article }: { article: number }) {
  const { data: story } = useQuery(getArticle({ id: article }))
  const { data: comments } = useQuery(getDiscussion({ article }))
  if (!story) return
  return (
    <nav className="reading" aria-label="This article">
      <a href="#main">{story.card.title}</a>
      <a href="#comments">{comments ? count(comments.total) : "Comments"}</a>
    </nav>
  )
}

/** Posts a comment, and adds it to the comments when it is written. */
function usePost(article: number) {
  const client = useQueryClient()
  const discussion = getDiscussion({ article })
  return useMutation({
    mutationFn: async ({ name, text }: Sent): Promise<SignedComment> => {
      const response = await fetch(`/api/articles/${article}/comments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name, text }),
      })
      const answer = await response.json()
      if (!response.ok) throw new Error(answer.error)
      return answer
    },
    onSuccess: async (posted) => {
      // Comments that are still on their way may have been read before this one was written.
      await client.prefetchQuery(discussion)
      client.setQueryData(discussion.queryKey, (known) => known && withComment(known, posted))
    },
  })
}

/** Follows the comments while `isOpen`. */
function useLive(article: number, isOpen: boolean) {
  const client = useQueryClient()
  const [isLive, setLive] = useState(false)
  const [isRefreshing, setRefreshing] = useState(false)
  useEffect(() => {
    if (!isOpen) return
    const receive = (news: News) => {
      setRefreshing(news.is_refreshing)
      if (news.comments) client.setQueryData(getDiscussion({ article }).queryKey, news.comments)
    }
    return follow(() => `/events/${article}`, "comments", receive, setLive).stop
  }, [client, article, isOpen])
  return { isLive, isRefreshing }
}

/** The comments with the one that is being sent, unless the service shows it already. */
function shown(known: Discussion | undefined, sending: Sent | undefined): SignedComment[] {
  const newest = known?.newest ?? []
  const isIt = (comment: SignedComment) =>
    sending && says(comment, sending) && (isUnwritten(comment) || comment.number > sending.after)
  if (!sending || newest.some(isIt)) return newest
  const { name, text } = sending
  return [{ number: 0, name, author: null, text, is_long: false, posted: 0 }, ...newest]
}

/** These comments with one that was written, which may be among them as one that is not. */
function withComment({ total, newest }: Discussion, posted: SignedComment): Discussion {
  const isIt = (comment: SignedComment) =>
    comment.number === posted.number || (isUnwritten(comment) && says(comment, posted))
  const place = (comment: SignedComment) => (isUnwritten(comment) ? Infinity : comment.number)
  const at = newest.findIndex((comment) => place(comment) <= posted.number)
  const [above, below] = at < 0 ? [newest, []] : [newest.slice(0, at), newest.slice(at)]
  const without = (comments: SignedComment[]) => comments.filter((comment) => !isIt(comment))
  return { total: Math.max(total, posted.number), newest: [...without(above), posted, ...without(below)] }
}

const isUnwritten = (comment: SignedComment) => comment.number === 0

const written = ({ newest }: Discussion) => newest.filter((comment) => !isUnwritten(comment))

/** Whether a comment is what a reader sent: the service removes space at both ends. */
const says = (comment: SignedComment, { name, text }: { name: string; text: string }) =>
  comment.name === name.trim() && comment.text === text.trim()

const count = (total: number) => (total === 1 ? "1 comment" : `${total} comments`)

const day = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10)

/** As in `views/date.rs`. */
function moment(seconds: number): string {
  const date = new Date(seconds * 1000)
  const text = date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" })
  return `${text}, ${date.getUTCHours()}:${String(date.getUTCMinutes()).padStart(2, "0")}`
}

/** What the reader has written into the form that came with the page. */
function draftOf(form: HTMLFormElement | null): Draft {
  const fields = form ? new FormData(form) : new FormData()
  const focused = document.activeElement
  const focus = focused && form?.contains(focused) ? focused.getAttribute("name") : null
  return { name: String(fields.get("name") ?? ""), text: String(fields.get("text") ?? ""), focus }
}

// A page shows one article, so what it knows is never too much to keep. A reader who waits may try again by hand.
const client = new QueryClient({ defaultOptions: { queries: { gcTime: Infinity, retry: 1 } } })
openCache(client)

const root = document.getElementById("discussion")
if (root) {
  const article = Number(root.dataset["article"])
  const draft = draftOf(root.querySelector("form"))
  createRoot(root).render(
    <QueryClientProvider client={client}>
      <Comments article={article} draft={draft} />
      <ReadingBar article={article} />
    </QueryClientProvider>,
  )
}
