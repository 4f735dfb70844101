// What the page can do beside being read: tables that are made when somebody looks at them, copies, links to a view,
// themes. forms.js stands before it in the same script element. Texts of the run become text nodes and values of form
// fields, never markup.
(() => {
  const MORE = 100; // rows at a time
  const FILTERS = ["scenario", "kind", "pattern", "workers", "executor", "transport", "status", "verdict"];
  const DIRECTIONS = { "": "none", "-": "descending", "+": "ascending" };
  const { tables, unsafe } = JSON.parse(document.getElementById("data-of-the-page").textContent);
  const collator = new Intl.Collator("en", { numeric: true });

  function make(tag, attributes = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  }

  function button(said, act, attributes = {}) {
    const element = make("button", { type: "button", ...attributes }, said);
    element.addEventListener("click", () => act(element));
    return element;
  }

  const live = make("p", { class: "unseen", role: "status", "aria-live": "polite" });
  document.body.append(live);

  // A column tells of each row its value, how it is shown, and its place in the order.

  function opened({ name, title, form, quiet, levels, cells }) {
    if (levels) {
      const order = levels.map((_, place) => place).sort((one, other) => collator.compare(levels[one], levels[other]));
      const ranks = [];
      order.forEach((level, rank) => { ranks[level] = rank; });
      const text = (row) => levels[cells[row]];
      const rank = (row) => (text(row) === "" ? null : ranks[cells[row]]);
      return { name, title, form, quiet, levels, cells, value: text, shown: text, rank, values: levels };
    }
    const value = (row) => cells[row];
    const shown = (row) => (cells[row] === null ? "–" : FORMS[form](cells[row]));
    const values = [...new Set(cells)].filter((cell) => cell !== null).map(String);
    return { name, title, form, quiet, cells, value, shown, rank: value, values, number: true };
  }

  function announce(said, beside) {
    live.textContent = said;
    if (!beside) return;
    const before = beside.dataset.said ?? beside.textContent;
    beside.dataset.said = before;
    beside.textContent = said;
    clearTimeout(Number(beside.dataset.timer));
    beside.dataset.timer = setTimeout(() => { beside.textContent = before; live.textContent = ""; }, 2500);
  }

  async function copy(text, beside) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page out of a file has no clipboard everywhere: the older way, and at last the reader's own hand.
      const field = make("textarea", { readonly: "", class: "by-hand", rows: "4", "aria-label": "Text to copy" });
      field.value = text;
      beside.after(field);
      field.select();
      if (!document.execCommand("copy")) {
        field.addEventListener("blur", () => field.remove(), { once: true });
        announce("Press Ctrl+C", beside);
        return;
      }
      field.remove();
      beside.focus();
    }
    announce("Copied", beside);
  }

  // The state of the view: in the address, so that a link shows the same and Back goes back.

  const summary = Object.hasOwn(tables, "summary") ? tables.summary.columns : [];
  const allowed = new Map(FILTERS.map((name) => {
    const column = summary.find((each) => each.name === name);
    return [name, column ? opened(column).values.filter((value) => value !== "") : []];
  }));
  let state = null;
  let lastKind = "";
  let printing = false;

  function stateOf(address) {
    const [, anchor, query] = /^#?([^?]*)\??(.*)$/s.exec(address);
    const asked = new URLSearchParams(query);
    const filters = new Map();
    for (const [name, values] of allowed) if (values.includes(asked.get(name))) filters.set(name, asked.get(name));
    const sort = asked.get("sort") ?? "";
    return {
      anchor: document.getElementById(anchor) ? anchor : "",
      text: asked.get("text") ?? "",
      filters,
      sort: summary.some((each) => each.name === sort.replace(/^-/, "")) ? sort : "",
      all: asked.get("columns") === "all",
      open: new Set((asked.get("open") ?? "").split(",").filter((id) => document.getElementById(id)?.localName === "details")),
      theme: ["light", "dark"].includes(asked.get("theme")) ? asked.get("theme") : "",
    };
  }

  function query() {
    const asked = new URLSearchParams();
    for (const [name, value] of state.filters) asked.set(name, value);
    for (const name of ["text", "sort", "theme"]) if (state[name]) asked.set(name, state[name]);
    if (state.all) asked.set("columns", "all");
    if (state.open.size) asked.set("open", [...state.open].join(","));
    return String(asked);
  }

  // kind: what was changed; '' never makes a step that Back goes back, and typing on makes no further one.
  function remember(kind) {
    const asked = query();
    const address = `#${state.anchor}${asked ? `?${asked}` : ""}`;
    if (address === (location.hash || "#")) return;
    const further = kind && (kind !== "text" || lastKind !== "text");
    if (kind) lastKind = kind;
    try {
      history[further ? "pushState" : "replaceState"]({ handoff: true }, "", address);
    } catch { /* a page inside another page may not: the view is right, only its address is not */ }
  }

  // Tables.

  const views = new Map();

  class View {
    constructor(holder) {
      const table = tables[holder.dataset.table];
      this.holder = holder;
      this.title = table.title;
      this.columns = table.columns.map(opened);
      this.length = table.length;
      this.main = holder.dataset.table === "summary";
      this.own = { text: "", filters: new Map(), sort: "", all: true };
      this.count = make("p", { role: "status", "aria-live": "polite", class: "quiet" });
      this.head = make("tr");
      this.body = make("tbody");
      this.more = button("", () => this.show(this.shown + MORE));
      const copies = make("p", { class: "tools" }, "Copy as ");
      for (const name of Object.keys(WRITERS)) {
        copies.append(button(name, (pressed) => copy(WRITERS[name](this.visible, this.rows), pressed), { "aria-label": `Copy as ${name}` }));
      }
      if (this.main) copies.append(button("Link to this view", (pressed) => copy(location.href, pressed)));
      const region = make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `${this.title}, a table` },
        make("table", {}, make("caption", {}, this.title), make("thead", {}, this.head), this.body));
      holder.replaceChildren(...(this.main ? [this.controls()] : []), this.count, copies, region, this.more);
      this.refresh();
    }

    // What is shown, by its own state or, of the summary, by that of the address.
    get state() { return this.main ? state : this.own; }

    controls() {
      const field = (said, control) => {
        control.id = `show-${said.replace(" ", "-")}`;
        return make("div", {}, make("label", { for: control.id }, said), control);
      };
      const words = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
      words.addEventListener("input", () => { state.text = words.value; this.changed("text"); });
      const fields = [field("text", words)];
      const choices = new Map();
      for (const [name, values] of allowed) {
        const choice = make("select", {}, make("option", { value: "" }, "all"));
        for (const value of [...values].sort(collator.compare)) choice.append(make("option", { value }, value));
        choice.addEventListener("change", () => {
          if (choice.value) state.filters.set(name, choice.value); else state.filters.delete(name);
          this.changed(name);
        });
        choices.set(name, choice);
        fields.push(field(name, choice));
      }
      const all = make("input", { type: "checkbox" });
      all.addEventListener("change", () => { state.all = all.checked; this.changed("columns"); });
      const reset = button("Show everything", () => {
        Object.assign(state, { text: "", filters: new Map(), sort: "" });
        this.changed("reset");
      });
      this.follow = () => {
        if (words.value !== state.text) words.value = state.text;
        for (const [name, choice] of choices) choice.value = state.filters.get(name) ?? "";
        all.checked = state.all;
      };
      return make("div", { class: "filters", role: "group", "aria-label": "What is shown" },
        ...fields, make("label", { class: "tick" }, all, " all columns"), reset);
    }

    changed(kind) {
      if (this.main) {
        state.anchor = "data";
        remember(kind);
      }
      this.refresh();
    }

    passing() {
      const { text, filters } = this.state;
      const texts = this.columns.filter((each) => each.levels);
      const tests = [...filters].map(([name, value]) => {
        const column = this.columns.find((each) => each.name === name);
        return (row) => String(column.value(row)) === value;
      });
      for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
        const hits = texts.map(({ levels, cells }) => [cells, levels.map((level) => level.toLowerCase().includes(word))]);
        tests.push((row) => hits.some(([cells, hit]) => hit[cells[row]]));
      }
      return Array.from({ length: this.length }, (_, row) => row).filter((row) => tests.every((test) => test(row)));
    }

    refresh() {
      const { sort, all } = this.state;
      this.follow?.();
      this.visible = this.columns.filter((each) => all || !each.quiet);
      this.rows = this.passing();
      const by = this.columns.find((each) => each.name === sort.replace(/^-/, ""));
      if (by) {
        const sign = sort.startsWith("-") ? -1 : 1;
        this.rows.sort((one, other) => {
          const [a, b] = [by.rank(one), by.rank(other)];
          return a === null || b === null ? (a === null) - (b === null) : sign * (a - b);
        });
      }
      this.heads();
      this.body.replaceChildren();
      this.shown = 0;
      this.show(MORE);
    }

    heads() {
      const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.name : "";
      const { sort } = this.state;
      this.head.replaceChildren(...this.visible.map(({ name, title, form, number }) => {
        const sign = sort === name ? "+" : sort === `-${name}` ? "-" : "";
        const press = button(title, () => {
          // Up, down, and as it was.
          this.state.sort = { "": name, "+": `-${name}`, "-": "" }[sign];
          this.changed("sort");
        }, { "data-name": name });
        return make("th", { scope: "col", "aria-sort": DIRECTIONS[sign], class: number ? "n" : form }, press);
      }));
      if (focused) [...this.head.querySelectorAll("button")].find((each) => each.dataset.name === focused)?.focus();
    }

    show(most) {
      const rows = this.rows.slice(this.shown, most).map((row) => make("tr", {}, ...this.visible.map((column, place) => {
        const cell = make(place ? "td" : "th", place ? {} : { scope: "row" });
        const kind = column.number ? "n" : { long: "long", strategy: "keep" }[column.form];
        if (kind) cell.className = kind;
        cell.append(column.form === "strategy" ? make("code", {}, column.shown(row)) : column.shown(row));
        if (column.form === "strategy" && Object.hasOwn(unsafe, column.shown(row))) {
          cell.append(" ", make("span", { class: "unsafe", title: unsafe[column.shown(row)] }, "unsafe"));
        }
        return cell;
      })));
      this.body.append(...rows);
      this.shown = Math.min(most, this.rows.length);
      const left = this.rows.length - this.shown;
      const of = this.rows.length === this.length ? "" : `${digits(this.rows.length, 0)} of `;
      const said = `${of}${counted(this.length, "row")}${left ? `, the first ${digits(this.shown, 0)} are here` : ""}.`;
      if (this.count.textContent !== said) this.count.textContent = said;
      this.more.hidden = !left;
      this.more.textContent = `Show ${digits(Math.min(MORE, left), 0)} more`;
    }
  }

  function build(holder) {
    if (views.has(holder) || !Object.hasOwn(tables, holder.dataset.table)) return;
    views.set(holder, new View(holder));
  }

  function fill(details) {
    details.querySelectorAll("[data-table]").forEach(build);
    for (const list of details.querySelectorAll("[data-answer]")) {
      const [answer, strategy, because] = tables.rejected.columns.map(opened);
      const wanted = Number(list.dataset.answer);
      const lines = answer.cells.flatMap((number, row) => {
        const [name, why] = [strategy.value(row), because.value(row)];
        if (number !== wanted) return [];
        const mark = Object.hasOwn(unsafe, name) ? [" ", make("span", { class: "unsafe" }, "unsafe")] : [];
        return [make("li", {}, ...(name ? [make("code", {}, name), ...mark, `: ${why}`] : [why]))];
      });
      list.replaceChildren(...lines);
      list.removeAttribute("data-answer");
    }
  }

  // The page's own controls.

  const main = document.querySelector('[data-table="summary"]');

  function jump(anchor, behavior = "auto") {
    const target = document.getElementById(anchor);
    if (!target) return;
    // What lies above the target must not grow while the page scrolls there.
    if (main && (target.contains(main) || main.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING)) build(main);
    if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
    target.focus({ preventScroll: true });
    target.scrollIntoView({ behavior });
  }

  const theme = make("select", { id: "theme" }, ...["system", "light", "dark"].map((name) => make("option", { value: name }, name)));
  function dress(name) {
    if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
    theme.value = name || "system";
  }
  theme.addEventListener("change", () => {
    state.theme = theme.value === "system" ? "" : theme.value;
    dress(state.theme);
    try { localStorage.setItem("handoff-theme", state.theme); } catch { /* not kept, then */ }
    remember("");
  });
  document.querySelector("header").prepend(make("p", { class: "theme" }, make("label", { for: "theme" }, "Theme"), " ", theme));

  function kept() {
    try {
      const name = localStorage.getItem("handoff-theme");
      return ["light", "dark"].includes(name) ? name : "";
    } catch { return ""; }
  }

  function apply(scroll) {
    state = stateOf(location.hash);
    lastKind = "";
    state.theme ||= kept();
    dress(state.theme);
    for (const details of document.querySelectorAll("details[id]")) {
      details.open = state.open.has(details.id);
      if (details.open) fill(details);
    }
    const asked = state.text || state.sort || state.all || state.filters.size;
    if (main && (asked || state.anchor === "data")) build(main);
    views.get(main)?.refresh();
    if (scroll && state.anchor) jump(state.anchor, "instant");
  }

  for (const code of document.querySelectorAll("pre.code")) {
    const box = make("div", { class: "copied-code" });
    code.replaceWith(box);
    box.append(code, button("Copy", (pressed) => copy(`${code.textContent}\n`, pressed), { "aria-label": "Copy this code" }));
  }
  for (const link of document.querySelectorAll("a[data-code]")) {
    const code = document.getElementById(link.dataset.code)?.querySelector("pre");
    if (code) link.after(" ", button("Copy it", (pressed) => copy(`${code.textContent}\n`, pressed)));
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    state.anchor = link.getAttribute("href").slice(1);
    remember("anchor");
    jump(state.anchor);
  });
  document.addEventListener("toggle", ({ target }) => {
    if (target.localName !== "details" || printing) return;
    if (target.open) fill(target);
    if (!target.id || state.open.has(target.id) === target.open) return;
    state.open[target.open ? "add" : "delete"](target.id);
    remember("");
  }, true);
  window.addEventListener("popstate", ({ state: left }) => apply(left === null));

  // On paper every part is open, but not the numbers of a picture that nobody opened: they may be thousands.
  let opened_for_print = [];
  window.addEventListener("beforeprint", () => {
    printing = true;
    opened_for_print = [...document.querySelectorAll("details:not([open]):not(.numbers)")];
    for (const details of opened_for_print) {
      fill(details);
      details.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened_for_print) details.open = false;
    opened_for_print = [];
    setTimeout(() => { printing = false; });
  });

  apply(true);
  if (main && "IntersectionObserver" in window) {
    const watch = new IntersectionObserver((seen) => {
      if (!seen.some((each) => each.isIntersecting)) return;
      watch.disconnect();
      build(main);
    }, { rootMargin: "200px" });
    watch.observe(main);
  } else if (main) build(main);
})();
