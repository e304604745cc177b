// Server-sent events, for as long as a page is visible.

/**
 * Receives events of one name from the address that `address` returns, while the page is visible. `listen` begins again,
 * with the current address; `stop` ends it.
 *
 * @param {() => string} address
 * @param {string} name
 * @param {(news: any) => void} show
 * @param {(isLive: boolean) => void} [isLive]
 */
export function follow(address, name, show, isLive = () => {}) {
  // A browser has six connections to a site. A hidden page closes its own, so that others can be loaded.
  /** @type {EventSource | undefined} */
  let events;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;
  const ended = new AbortController();
  const hush = () => {
    clearTimeout(later);
    events?.close();
    events = undefined;
    isLive(false);
  };
  const listen = () => {
    hush();
    const opened = new EventSource(address());
    events = opened;
    opened.addEventListener("open", () => isLive(true));
    opened.addEventListener("error", () => {
      isLive(false);
      // A browser connects again by itself, but not after a refusal, as when too many readers listen.
      if (opened.readyState === EventSource.CLOSED) later = setTimeout(listen, 30_000);
    });
    opened.addEventListener(name, (event) => show(JSON.parse(event.data)));
  };
  if (!document.hidden) listen();
  const { signal } = ended;
  window.addEventListener("pagehide", hush, { signal });
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); }, { signal });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(later);
    if (document.hidden) later = setTimeout(hush, 20_000);
    else if (events?.readyState !== EventSource.OPEN) listen();
  }, { signal });
  const stop = () => {
    ended.abort();
    hush();
  };
  return { listen, stop };
}
