"use strict";
// Takes the page again and again. Where that fails, what is shown is marked as old: a page that
// merely stands still would go on saying that all is well.
const EVERY_MS = 1000 * Number(document.currentScript.dataset.everyS);

async function refresh() {
  try {
    const answer = await fetch(location.origin + location.pathname, {
      cache: "no-store",
      signal: AbortSignal.timeout(EVERY_MS),
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = page.querySelector("main");
    if (main === null) {
      throw new Error("this is not the page");
    }
    const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
    document.querySelector("main").replaceWith(main);
    for (const id of open) {
      document.getElementById(id)?.setAttribute("open", "");
    }
    document.title = page.title;
    show(false);
  } catch {
    document.title = "no answer · market_assets";
    show(true);
  }
  setTimeout(refresh, EVERY_MS);
}

function show(lost) {
  document.getElementById("lost").hidden = !lost;
  document.body.classList.toggle("lost", lost);
}

setTimeout(refresh, EVERY_MS);
