// Drives the built page in Chromium: `node drive.mjs SCENARIO ADDRESS FOLDER FILE...`, started by
// tests/web/test_page.py. Prints what it saw as JSON.
import { join } from "node:path";
import { chromium } from "playwright-core";

const [scenario, address, folder, ...files] = process.argv.slice(2);
const [file] = files;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
  ],
});
const context = await browser.newContext({ acceptDownloads: true, colorScheme: process.env.SCHEME ?? "light" });
const page = await context.newPage();
page.setDefaultTimeout(120_000);
const errors = [];
const elsewhere = [];
page.on("pageerror", (error) => errors.push(String(error)));
page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
context.on("request", (request) => {
  const sends = request.method() !== "GET";
  if (sends || !/^(blob|data):/.test(request.url()) && !request.url().startsWith(address)) elsewhere.push(request.url());
});

const text = (selector) => page.locator(selector).textContent();
const visible = (selector) => page.locator(selector).isVisible();
const choose = () => page.setInputFiles("#file", file);
const enhanced = () => page.locator("#result").waitFor();
const shot = (name) => page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });

/** As a hand drops it: the events that a page gets, with a file in them. */
async function dropFile(path) {
  const { readFile } = await import("node:fs/promises");
  const content = (await readFile(path)).toString("base64");
  const transfer = await page.evaluateHandle(
    ([content, name]) => {
      const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name));
      return transfer;
    },
    [content, path.split("/").pop()],
  );
  for (const event of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("#drop", event, { dataTransfer: transfer });
  }
}

async function download(action = () => page.click("#download"), name = "") {
  const [download] = await Promise.all([page.waitForEvent("download"), action()]);
  const path = join(folder, name + download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

const scenarios = {
  async enhance() {
    await shot("start");
    await dropFile(file);
    await enhanced();
    await page.waitForTimeout(200);
    await shot("result");
    const path = await download();
    await page.locator("#amount").fill("0");
    const dry = await download(undefined, "dry-");
    await page.click("#play");
    await page.waitForTimeout(700);
    const moved = Number(await page.inputValue("#position"));
    await page.click("text=Original");
    await page.waitForTimeout(200);
    await page.setViewportSize({ width: 380, height: 800 });
    await shot("narrow");
    return {
      path, dry, moved, facts: await text("#facts"), title: await text("#title"),
      focus: await page.evaluate(() => document.activeElement?.id),
      overflow: await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
      isolated: await page.evaluate(() => crossOriginIsolated),
      picture: await page.evaluate(() => {
        const canvas = document.getElementById("after");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(data).size;
      }),
    };
  },

  async wrong() {
    const complaints = [];
    for (const wrong of files) {
      await page.setInputFiles("#file", wrong);
      await page.waitForFunction(
        (name) => document.getElementById("complaint").textContent.includes(name),
        wrong.split("/").pop(),
      );
      await page.locator("#choose").waitFor();
      complaints.push({
        text: await text("#complaint"),
        role: await page.getAttribute("#complaint", "role"),
        working: await visible("#working"),
      });
    }
    await shot("wrong");
    return { complaints };
  },

  async cancel() {
    await choose();
    await page.locator("#cancel").waitFor();
    await page.waitForFunction(() => document.getElementById("progress").value > 1);
    await shot("working");
    const value = await page.evaluate(() => document.getElementById("progress").value);
    const began = Date.now();
    await page.click("#cancel");
    await page.locator("#choose").waitFor();
    const milliseconds = Date.now() - began;
    const seen = { value, milliseconds, result: await visible("#result"), said: await text("#announcer") };
    // The page goes on working.
    await choose();
    await page.waitForFunction(() => document.getElementById("progress").value > 1);
    return seen;
  },

  async offline() {
    await page.waitForFunction(() => document.getElementById("readiness").textContent.includes("without a network"));
    await context.setOffline(true);
    await page.close();
    const later = await context.newPage();
    later.setDefaultTimeout(120_000);
    await later.goto(address);
    await later.setInputFiles("#file", file);
    await later.locator("#result").waitFor();
    const [saved] = await Promise.all([later.waitForEvent("download"), later.click("#download")]);
    const path = join(folder, saved.suggestedFilename());
    await saved.saveAs(path);
    const cut = await later.evaluate(() => fetch(`other-${Math.random()}`).then(() => false, () => true));
    return { path, cut };
  },

  async keyboard() {
    const focus = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.value);
    const tabTo = async (id) => {
      for (let i = 0; i < 20 && (await focus()) !== id; i++) await page.keyboard.press("Tab");
      if ((await focus()) !== id) throw new Error(`Tab does not reach ${id}`);
    };
    // Chromium must know that the dialog is intercepted before a key opens it.
    const chooser = page.waitForEvent("filechooser");
    await tabTo("file");
    await page.keyboard.press("Space");
    await (await chooser).setFiles(file);
    await enhanced();
    const first = await focus();
    await tabTo("play");
    await page.keyboard.press("Space");
    const playing = await text("#play");
    await tabTo("position");
    await page.keyboard.press("End");
    await tabTo("enhanced");
    await page.keyboard.press("ArrowLeft");
    const side = await page.evaluate(() => document.querySelector("[name=side]:checked").value);
    await tabTo("blind");
    await page.keyboard.press("Space");
    const blind = (await visible("#blind-sides")) && !(await visible("#sides"));
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    const verdict = await text("#verdict");
    await shot("blind");
    await tabTo("amount");
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
    const amount = await text("#amount-value");
    await tabTo("download");
    const path = await download(() => page.keyboard.press("Enter"));
    await tabTo("again");
    await page.keyboard.press("Enter");
    const unnamed = await page.evaluate(
      () => [...document.querySelectorAll("button, input, canvas, progress, output")]
        .filter((e) => !(e.textContent.trim() || e.labels?.length || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.tagName === "OUTPUT"))
        .map((e) => e.outerHTML),
    );
    return { first, playing, side, blind, verdict, amount, path, last: await focus(), unnamed };
  },
};

try {
  await page.goto(address);
  const seen = await scenarios[scenario]();
  console.log(JSON.stringify({ ...seen, errors: errors.filter((e) => !e.includes("ERR_INTERNET_DISCONNECTED")), elsewhere }));
} catch (error) {
  console.log(JSON.stringify({ failure: String(error), complaint: await text("#complaint").catch(() => ""), errors, elsewhere }));
} finally {
  await browser.close();
}
