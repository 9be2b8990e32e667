// Keeps the page for use without a network. The build fills in the version and the files.
const CACHE = "tfaudiogan-__VERSION__";
const RUNTIME = "__RUNTIME__";
const FILES = ["__FILES__"];
const here = new URL("./", self.location.href);

async function install() {
  const kept = new Set();
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) {
      if (request.url.startsWith(here.href + RUNTIME)) kept.add(request.url);
    }
  }
  const urls = [...FILES.map((file) => new URL(file, here).href), ...kept];
  const cache = await caches.open(CACHE);
  await cache.addAll(urls.map((url) => new Request(url, { cache: "no-cache" })));
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("tfaudiogan-") && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const url = request.mode === "navigate" ? new URL("index.html", here).href : request.url;
  return (await cache.match(url, { ignoreSearch: true })) ?? fetch(request);
}

// Which of the runtime's variants a browser takes is known to the page only.
async function keep(urls) {
  const cache = await caches.open(CACHE);
  for (const url of urls) {
    if (!(await cache.match(url))) await cache.add(url);
  }
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(here.href)) event.respondWith(answer(event.request));
});
self.addEventListener("message", (event) => {
  const [port] = event.ports;
  event.waitUntil(
    keep(event.data.keep).then(
      () => port.postMessage(true),
      () => port.postMessage(false),
    ),
  );
});
