// Steps through the two aligned runs. All text goes through textContent; no markup is built from data.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const steps = data.steps;
  const sides = data.hasReference ? ["candidate", "reference"] : ["candidate"];
  const reference = new Map(Object.entries(data.pairs));
  const lines = {};
  for (const side of sides) lines[side] = [...document.querySelectorAll(`#${side} .line`)];
  let at = data.start;
  let timer = null;
  let state = {};

  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };

  // The values that each side's names hold after step `index`, by name.
  const stateAt = (index) => {
    const found = {};
    for (const side of sides) {
      const values = new Map();
      for (let i = 0; i <= index; i++) {
        const step = steps[i][side];
        if (step) for (const [name, value] of step.sets) values.set(name, { value, step: i });
      }
      found[side] = values;
    }
    return found;
  };

  // The last step of a side at or before `index`: where that run stands.
  const standing = (side, index) => {
    for (let i = index; i >= 0; i--) if (steps[i][side]) return { step: steps[i][side], isNow: i === index };
    return null;
  };

  const showLines = (side) => {
    for (const line of lines[side]) line.classList.remove("now", "gone"), line.removeAttribute("aria-current");
    const place = standing(side, at);
    if (!place) return;
    const line = lines[side][place.step.line - 1];
    if (!line) return;
    line.classList.add("now");
    line.classList.toggle("gone", !place.isNow);
    line.setAttribute("aria-current", "step");
    const pane = $(side);
    const top = line.offsetTop;
    if (top < pane.scrollTop || top + line.offsetHeight > pane.scrollTop + pane.clientHeight)
      pane.scrollTop = top - pane.clientHeight / 2;
  };

  const showValues = () => {
    const body = $("values").tBodies[0];
    body.replaceChildren();
    const rows = [];
    const used = new Set();
    const theirs = state.reference || new Map();
    for (const name of state.candidate.keys()) {
      const other = reference.has(name) ? reference.get(name) : theirs.has(name) ? name : null;
      const isFree = other !== null && theirs.has(other) && !used.has(other);
      if (isFree) used.add(other);
      rows.push([name, isFree ? other : null]);
    }
    for (const name of theirs.keys()) if (!used.has(name)) rows.push([null, name]);
    for (const [ours, other] of rows) {
      const row = make("tr");
      const left = ours === null ? null : state.candidate.get(ours);
      const right = other === null ? null : theirs.get(other);
      const differs = left && right && left.value !== right.value;
      if (differs) row.className = "differs";
      const cells = (name, entry) => {
        const label = make("td", name === null ? "" : name, "name");
        const value = make("td", undefined, "value");
        if (entry) value.append(make("code", entry.value));
        if (entry && entry.step === at) value.classList.add("changed");
        row.append(label, value);
      };
      cells(ours, left);
      if (data.hasReference) {
        row.append(make("td", left && right ? (differs ? "\u2260" : "=") : "", "sign"));
        cells(other, right);
      }
      body.append(row);
    }
    if (!rows.length) {
      const row = make("tr");
      row.append(make("td", "No name has a value yet."));
      body.append(row);
    }
  };

  const describe = (step) => {
    const part = (side) => (step[side] ? `line ${step[side].line}: ${step[side].text}` : "nothing");
    if (!data.hasReference) return part("candidate");
    if (step.equal && step.candidate.text === step.reference.text) return `both: ${step.candidate.text}`;
    return `candidate ${part("candidate")}; reference ${part("reference")}`;
  };

  const show = (index) => {
    at = Math.max(0, Math.min(steps.length - 1, index));
    const step = steps[at];
    state = stateAt(at);
    $("slider").value = String(at);
    $("slider").setAttribute("aria-valuetext", `step ${at + 1} of ${steps.length}: ${describe(step)}`);
    $("where").textContent = `step ${data.first + at + 1} of ${data.total}` + (data.truncated ? " (cut)" : "");
    const now = $("now");
    now.setAttribute("aria-live", timer ? "off" : "polite");
    now.replaceChildren();
    if (step.divergence) now.append(make("span", "Here it goes wrong. ", "differs"));
    now.append(describe(step));
    sides.forEach(showLines);
    showValues();
    for (const row of $("steps").tBodies[0].querySelectorAll(".current")) row.classList.remove("current");
    const row = $("steps").tBodies[0].rows[at];
    row.classList.add("current");
    const box = row.closest(".steps");
    const top = row.offsetTop;
    if (top < box.scrollTop + 40 || top + row.offsetHeight > box.scrollTop + box.clientHeight)
      box.scrollTop = top - box.clientHeight / 2;
    for (const side of sides)
      for (const name of document.querySelectorAll(`#${side} .v`))
        name.classList.toggle("known", valuesOf(side, name.textContent).length > 0);
  };

  // What a name holds, and what is stored under it (name[...], name.attribute).
  const valuesOf = (side, name) => {
    const found = [];
    for (const [target, entry] of state[side])
      if (target === name || target.startsWith(name + "[") || target.startsWith(name + "."))
        found.push(`${target} = ${entry.value}`);
    return found;
  };

  const stop = () => {
    if (timer) clearInterval(timer);
    timer = null;
    $("play").textContent = "Play";
    $("play").setAttribute("aria-pressed", "false");
  };
  const play = () => {
    if (timer) return stop();
    if (at === steps.length - 1) show(0);
    timer = setInterval(() => (at < steps.length - 1 ? show(at + 1) : stop()), 700);
    $("play").textContent = "Pause";
    $("play").setAttribute("aria-pressed", "true");
  };
  const go = (index) => (stop(), show(index));
  const jump = () => go(data.divergence === null ? 0 : data.divergence);

  const paintStrip = () => {
    const kind = (step) =>
      step.divergence ? "var(--hit)" : step.equal ? "var(--good)" : data.hasReference ? "var(--now-edge)" : "var(--track)";
    const stops = [];
    let start = 0;
    for (let i = 1; i <= steps.length; i++) {
      if (i < steps.length && kind(steps[i]) === kind(steps[start])) continue;
      stops.push(`${kind(steps[start])} ${(100 * start) / steps.length}% ${(100 * i) / steps.length}%`);
      start = i;
    }
    $("strip").style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  };

  const listSteps = () => {
    const head = make("tr");
    const titles = data.hasReference ? ["Step", "Line", "Candidate", "", "Line", "Reference"] : ["Step", "Line", "Candidate"];
    for (const title of titles) {
      const cell = make("th", title);
      cell.scope = "col";
      head.append(cell);
    }
    $("steps").tHead.append(head);
    const rows = steps.map((step, index) => {
      const row = make("tr", undefined, step.divergence ? "divergence" : step.equal || !data.hasReference ? "" : "differs");
      row.append(make("td", String(data.first + index + 1), "number"));
      const cells = (side) => {
        row.append(make("td", step[side] ? String(step[side].line) : "", "number"));
        const cell = make("td");
        if (step[side]) cell.append(make("code", step[side].text));
        row.append(cell);
      };
      cells("candidate");
      if (data.hasReference) {
        const isPair = step.candidate && step.reference;
        row.append(make("td", isPair ? (step.equal ? "=" : "\u2260") : "", "sign"));
        cells("reference");
      }
      row.addEventListener("click", () => go(index));
      return row;
    });
    $("steps").tBodies[0].append(...rows);
    const top = make("tr");
    for (const title of data.hasReference ? ["Candidate", "", "", "Reference", ""] : ["Name", "Value"]) {
      const cell = make("th", title);
      cell.scope = "col";
      top.append(cell);
    }
    $("values").tHead.append(top);
  };

  const tips = () => {
    const tip = $("tip");
    const hide = () => (tip.hidden = true);
    const showTip = (event) => {
      const name = event.target.closest ? event.target.closest(".v") : null;
      if (!name) return hide();
      const side = name.closest(".code").id;
      const found = valuesOf(side, name.textContent);
      if (!found.length) return hide();
      tip.textContent = found.slice(0, 12).join("\n");
      tip.hidden = false;
      const box = name.getBoundingClientRect();
      tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
      tip.style.top = `${box.top > tip.offsetHeight + 10 ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
    };
    document.addEventListener("mouseover", showTip);
    document.addEventListener("click", showTip);
    document.addEventListener("scroll", hide, true);
    document.addEventListener("keydown", hide);
  };

  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isSlider = event.target === $("slider");
    const isButton = event.target.tagName === "BUTTON";
    const actions = {
      ArrowRight: () => go(at + 1),
      ArrowLeft: () => go(at - 1),
      Home: () => go(0),
      End: () => go(steps.length - 1),
      d: jump,
      D: jump,
      " ": isButton ? null : play,
    };
    const action = actions[event.key];
    if (!action || (isSlider && event.key !== " " && event.key.toLowerCase() !== "d")) return;
    event.preventDefault();
    action();
  };

  const themes = () => {
    const button = $("theme");
    const root = document.documentElement;
    const isDark = () =>
      root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const label = () => (button.textContent = isDark() ? "Light theme" : "Dark theme");
    const stored = (value) => {
      try {  // a page in a sandboxed frame has no storage
        if (value) localStorage.setItem("egca-theme", value);
        return localStorage.getItem("egca-theme");
      } catch {
        return null;
      }
    };
    const kept = stored();
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      stored(root.dataset.theme);
      label();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
    label();
    button.hidden = false;
  };

  themes();
  const hit = document.querySelector("#candidate .hit");
  if (hit) $("candidate").scrollTop = Math.max(0, hit.offsetTop - $("candidate").clientHeight / 2);
  if (!steps.length) return;
  for (const id of ["stepper", "valuesCard", "stepsCard"]) $(id).hidden = false;
  $("slider").max = String(steps.length - 1);
  $("jump").hidden = data.divergence === null;
  listSteps();
  paintStrip();
  tips();
  $("slider").addEventListener("input", (event) => go(Number(event.target.value)));
  $("first").addEventListener("click", () => go(0));
  $("back").addEventListener("click", () => go(at - 1));
  $("next").addEventListener("click", () => go(at + 1));
  $("last").addEventListener("click", () => go(steps.length - 1));
  $("play").addEventListener("click", play);
  $("jump").addEventListener("click", jump);
  document.addEventListener("keydown", keys);
  show(data.start);
})();
