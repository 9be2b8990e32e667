/** Registers the service worker; `undefined` if the browser or the address does not support it. */
async function register(): Promise<ServiceWorker | undefined> {
  if (!("serviceWorker" in navigator)) return undefined;
  try {
    await navigator.serviceWorker.register("sw.js");
    return (await navigator.serviceWorker.ready).active ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores the page and these files for offline use; returns whether that worked. */
export async function keepOffline(files: string[]): Promise<boolean> {
  const worker = await register();
  if (!worker) return false;
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<boolean>) => resolve(data);
    worker.postMessage({ keep: files }, [port2]);
  });
}
