// The portal's only script besides htmx. No inline handlers: the Content-Security-Policy forbids them.

function toast(text) {
  const item = document.createElement("div");
  item.className = "toast";
  item.textContent = text;
  document.getElementById("toasts").append(item);
  setTimeout(() => item.remove(), 4000);
}

async function copy(button) {
  const words = document.getElementById("toasts").dataset;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    toast(words.copied);
  } catch {
    // Without TLS browsers keep the clipboard to themselves.
    toast(words.notCopied);
  }
}

document.addEventListener("click", (event) => {
  // A click outside closes every open menu.
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const el = event.target.closest("button, a");
  if (!el) return;
  if (el.dataset.copy !== undefined) copy(el);
  if (el.dataset.dialog) document.getElementById(el.dataset.dialog)?.showModal();
  if (el.getAttribute("role") === "tab") selectTab(el);
});

/* Keys: "/" searches, J and K move between rows, "Escape" closes menus, arrows move between tabs. */
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing) {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
  if ((event.key === "j" || event.key === "k") && !typing && !event.metaKey && !event.ctrlKey) {
    const links = [...document.querySelectorAll("tbody[data-jk] th a")];
    const here = links.indexOf(document.activeElement);
    links[event.key === "j" ? Math.min(here + 1, links.length - 1) : Math.max(here - 1, 0)]?.focus();
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const tab = event.target.closest('[role="tab"]');
  if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const tabs = [...tab.parentElement.querySelectorAll('[role="tab"]')];
    const step = event.key === "ArrowRight" ? 1 : tabs.length - 1;
    const next = tabs[(tabs.indexOf(tab) + step) % tabs.length];
    next.focus();
    selectTab(next);
  }
});

/* A page that tells of an error is no part of this one, so htmx leaves what is there (noSwap). A form says that it was not
   taken; what asks again by itself keeps the old content and asks again. */
function tellFailure({ detail: { ctx } }) {
  const isTold = [401, 422].includes(ctx?.response?.status) || ctx?.sourceElement?.closest("[data-live]");
  if (!isTold) toast(document.getElementById("toasts").dataset.failed);
}
document.addEventListener("htmx:response:error", tellFailure);
document.addEventListener("htmx:error", tellFailure);

/* What asks again by itself rests while nobody looks, and while somebody has ticked rows of it. */
document.addEventListener("htmx:before:request", (event) => {
  const el = event.target.closest("[data-live]");
  if (el && (document.hidden || el.querySelector("input:checked"))) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const el of document.querySelectorAll("[data-live]")) htmx.trigger(el, "refresh");
});

function selectTab(tab) {
  for (const other of tab.parentElement.querySelectorAll('[role="tab"]')) {
    const isSelected = other === tab;
    other.setAttribute("aria-selected", String(isSelected));
    other.tabIndex = isSelected ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    if (panel) panel.hidden = !isSelected;
  }
}

/* A slider whose steps have names says the name: screen readers would read the number of the step. */
function nameStep(slider) {
  const stops = slider.parentElement.querySelectorAll(".range-stops span");
  slider.setAttribute("aria-valuetext", stops[slider.value]?.textContent ?? slider.value);
}
for (const slider of document.querySelectorAll("input[data-stops]")) nameStep(slider);
document.addEventListener("input", (event) => {
  if (event.target.matches("input[data-stops]")) nameStep(event.target);
});
