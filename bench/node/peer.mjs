// A peer of the comparison: the cache of WarpDrive for JSON:API, in its production build.
//
// Reads one request per line, as JSON, and answers each with one line. Times are nanoseconds of wall-clock time, without
// the collection of garbage from before.

import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { brotliDecompressSync } from 'node:zlib';

import { useRecommendedStore } from '@warp-drive/core';
import { setupSignals } from '@warp-drive/core/configure';
import { JSONAPICache } from '@warp-drive/json-api';

// Nothing renders here, so signals do nothing.
setupSignals(() => ({
  createSignal: () => ({ value: 0 }),
  consumeSignal() {},
  notifySignal() {},
  createMemo: (_object, _key, compute) => compute,
  willSyncFlushWatchers: () => false,
  waitFor: (promise) => promise,
}));

const attribute = (name) => ({ kind: 'attribute', name });
const relation = (kind, name, type, inverse = null) => ({
  kind,
  name,
  type,
  options: { async: false, inverse, polymorphic: false },
});
const resource = (type, ...fields) => ({
  type,
  legacy: true,
  identity: { kind: '@id', name: 'id' },
  fields,
});

const Store = useRecommendedStore({
  cache: JSONAPICache,
  schemas: [
    resource('parent', attribute('parentName'), relation('hasMany', 'children', 'child', 'parent')),
    resource(
      'child',
      attribute('childName'),
      relation('belongsTo', 'parent', 'parent', 'children'),
      relation('belongsTo', 'bestFriend', 'child'),
      relation('belongsTo', 'secondBestFriend', 'child'),
      relation('hasMany', 'friends', 'child'),
    ),
    resource(
      'car',
      relation('belongsTo', 'make', 'make', 'cars'),
      relation('belongsTo', 'size', 'size', 'cars'),
      relation('hasMany', 'colors', 'color', 'cars'),
    ),
    ...['make', 'size', 'color'].map((type) =>
      resource(type, attribute('name'), relation('hasMany', 'cars', 'car', type === 'color' ? 'colors' : type)),
    ),
  ],
});

const request = (url) => ({ url, op: 'query', method: 'GET', cacheOptions: { key: url } });

/** Reads a body, stores it, and tells observers, as the request handler of the store does. */
function put(store, url, body) {
  putContent(store, url, JSON.parse(body.toString()));
}

function putContent(store, url, content) {
  store._enableAsyncFlush = true;
  store._join(() => store.cache.put({ request: request(url), response: null, content }));
  store._enableAsyncFlush = null;
  store.notifications._flush();
}

/** Stores documents one after the other in a new store. Returns the time of the last one. */
function timedPut({ before, body, parsed }) {
  const store = new Store();
  before.forEach((path) => put(store, '/document', readFileSync(path)));
  const text = readFileSync(body);
  const content = parsed ? JSON.parse(text.toString()) : null;
  globalThis.gc();
  const start = process.hrtime.bigint();
  if (parsed) {
    putContent(store, '/document', content);
  } else {
    put(store, '/document', text);
  }
  return Number(process.hrtime.bigint() - start);
}

/** What an observer reads of its document. */
const readers = {
  /** All records, as the store gives them to a program. */
  records: ({ data, included }) =>
    included.reduce((read, child) => read + child.record.childName.length, data.record.parentName.length),
  /** All records, in the cache of the store. */
  cache: ({ store, data, included }) =>
    included.reduce(
      (read, child) => read + store.cache.getAttr(child.key, 'childName').length,
      store.cache.getAttr(data.key, 'parentName').length,
    ),
  /** The record that has changed. */
  field: ({ changed }) => changed.record.childName.length,
};

/** Documents, each of which an observer reads when one of its records changes. */
class Observed {
  constructor({ documents, reads }) {
    this.store = new Store();
    this.reader = readers[reads];
    this.observers = documents.length;
    this.changes = 0;
    this.told = [];
    this.read = 0;
    documents.forEach((path) => this.observe(path));
  }

  observe(path) {
    const { store } = this;
    put(store, path, readFileSync(path));
    const { data, included } = store.cache.peek(store.cacheKeyManager.getOrCreateDocumentIdentifier(request(path)));
    // The store tells of changes only of records that were taken out of its cache.
    const shown = (key) => ({ key, record: store.peekRecord(key) });
    const observer = { store, data: shown(data), included: included.map(shown), changed: null };
    [observer.data, ...observer.included].forEach((shown) =>
      store.notifications.subscribe(shown.key, () => {
        if (observer.changed === null) {
          this.told.push(observer);
        }
        observer.changed = shown;
      }),
    );
  }

  /** Changes one field of the record that all documents show, and reads the documents. */
  change() {
    this.changes += 1;
    const name = `name ${this.changes}`;
    const body = `{"data":{"type":"child","id":"shared","attributes":{"childName":"${name}"}}}`;
    put(this.store, '/child', Buffer.from(body));
    if (this.told.length !== this.observers) {
      throw new Error(`${this.told.length} of ${this.observers} observers were told`);
    }
    for (const observer of this.told) {
      this.read += this.reader(observer);
      if (observer.changed.record.childName !== name) {
        throw new Error('an observer does not see the change');
      }
      observer.changed = null;
    }
    this.told.length = 0;
  }

  /** Returns the mean time of some changes. */
  time({ times }) {
    globalThis.gc();
    const start = process.hrtime.bigint();
    for (let time = 0; time < times; time += 1) {
      this.change();
    }
    return Number(process.hrtime.bigint() - start) / times;
  }
}

function version(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}

/** By what is read of the documents. */
const observed = {};
const answers = {
  versions: () => ({
    node: process.version,
    core: version('@warp-drive/core'),
    cache: version('@warp-drive/json-api'),
  }),
  unpack: ({ from, to }) => writeFileSync(to, brotliDecompressSync(readFileSync(from))) ?? true,
  put: timedPut,
  observe: (request) => {
    observed[request.reads] = new Observed(request);
    return true;
  },
  change: (request) => observed[request.reads].time(request),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { ok: answers[request.do](request) };
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
