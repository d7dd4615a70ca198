// Every stored row as a point.  A point that is picked says what it is and how to run it again.
(() => {
  const base = new URL("rows/", document.currentScript.src);
  const COLORS = ["objective", "bound", "green", "gold", "violet"];
  const DODGE = 8; // pixels
  const waiting = new Map();
  window.ppRows = (name, data) => waiting.get(name)?.(data);

  const load = (name) =>
    new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = new URL(`${name}.js`, base);
      script.onerror = () => reject(new Error(name));
      document.head.append(script);
    });

  const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  const text = (value) =>
    value === null ? "∞" : Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString();

  function unpack(data) {
    return data.rows.map((values) => {
      const row = Object.fromEntries(data.columns.map((name, k) => [name, values[k]]));
      row.x = row.n_samples / (row.teacher * row.dim);
      row.y = row.error / row.noise ** 2;
      row.options = data.options[row.member];
      return row;
    });
  }

  function scale(values, from, to, pad) {
    const low = Math.log10(Math.min(...values)) - pad;
    const high = Math.log10(Math.max(...values)) + pad;
    const place = (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
    const ticks = [];
    const steps = high - low > 2.2 ? [1] : [1, 2, 5];
    for (let k = Math.floor(low); k <= high; k++)
      for (const s of steps) {
        const value = Number(`${s}e${k}`);
        if (Math.log10(value) >= low && Math.log10(value) <= high) ticks.push(value);
      }
    return { place, ticks };
  }

  class Explorer {
    constructor(box) {
      this.box = box;
      this.names = box.dataset.names.split(" ");
      this.choice = html("select", { class: "pp-rows-choice" });
      for (const name of this.names) this.choice.append(html("option", { value: name }, name));
      this.legend = html("span", { class: "pp-rows-legend" });
      this.chart = html("div", { class: "pp-rows-chart", tabindex: "0", role: "group" });
      this.chart.setAttribute("aria-label", "Stored rows; the arrow keys step through them");
      this.told = html("div", { class: "pp-rows-told", "aria-live": "polite" });
      const label = html("label", {}, html("span", { class: "pp-label" }, "Experiment"), this.choice);
      box.replaceChildren(html("div", { class: "pp-rows-head" }, label, this.legend), this.chart, this.told);
      this.choice.addEventListener("change", () => this.open(this.choice.value));
      this.chart.addEventListener("click", (event) => this.pick(event));
      this.chart.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step || !this.rows) return;
        event.preventDefault();
        const n = this.rows.length;
        this.select(((this.at ?? (step > 0 ? -1 : 0)) + step + n) % n);
      });
      new ResizeObserver(() => this.rows && this.drawn !== this.chart.clientWidth && this.draw()).observe(this.chart);
    }

    async open(name) {
      this.name = name;
      try {
        const data = await load(name);
        if (this.name !== name) return;
        this.rows = unpack(data);
      } catch {
        this.rows = undefined;
        this.chart.replaceChildren();
        this.told.replaceChildren(html("p", {}, `The rows of ${name} could not be read.`));
        return;
      }
      this.at = undefined;
      this.teachers = [...new Set(this.rows.map((row) => row.teacher))];
      const dot = (R) => html("i", { class: `pp-rows-${this.color(R)}` });
      const chips = this.teachers.map((R) => html("span", {}, dot(R), `R = ${R}`));
      this.legend.replaceChildren(...chips);
      this.draw();
      this.invite();
    }

    color(R) {
      return COLORS[this.teachers.indexOf(R) % COLORS.length];
    }

    draw() {
      const width = (this.drawn = this.chart.clientWidth);
      const height = Math.max(240, Math.min(380, 0.58 * width));
      const [left, right, top, bottom] = [52, 8, 10, 46];
      const x = scale(this.rows.map((row) => row.x), left, width - right, 0.1);
      const y = scale(this.rows.map((row) => row.y), height - bottom, top, 0.06);
      const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
      for (const value of x.ticks) {
        const at = x.place(value);
        picture.append(svg("line", { class: "pp-rows-grid", x1: at, x2: at, y1: top, y2: height - bottom }));
        picture.append(svg("text", { x: at, y: height - bottom + 17, "text-anchor": "middle" }, text(value)));
      }
      for (const value of y.ticks) {
        const at = y.place(value);
        picture.append(svg("line", { class: "pp-rows-grid", x1: left, x2: width - right, y1: at, y2: at }));
        picture.append(svg("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, text(value)));
      }
      const names = { x: "samples for each parameter, N/(RD)", y: "error/σ²" };
      picture.append(svg("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle" }, names.x));
      const turn = `translate(13 ${(height - bottom) / 2}) rotate(-90)`;
      picture.append(svg("text", { transform: turn, "text-anchor": "middle" }, names.y));
      for (const row of this.rows) {
        // Widths that the law makes equal stand side by side.
        const beside = (this.teachers.indexOf(row.teacher) - (this.teachers.length - 1) / 2) * DODGE;
        [row.px, row.py] = [x.place(row.x) + beside * (width < 500 ? 0.7 : 1), y.place(row.y)];
        const look = `pp-rows-${this.color(row.teacher)}${row.base ? "" : " pp-rows-arm"}`;
        picture.append(svg("circle", { class: look, cx: row.px, cy: row.py, r: row.base ? 2.6 : 2.2 }));
      }
      this.rings = svg("g");
      picture.append(this.rings);
      this.chart.replaceChildren(picture);
      if (this.at !== undefined) this.mark();
    }

    pick(event) {
      if (!this.rows) return;
      const frame = this.chart.getBoundingClientRect();
      const away = (row) => Math.hypot(row.px - event.clientX + frame.left, row.py - event.clientY + frame.top);
      let best = 0;
      this.rows.forEach((row, k) => {
        if (away(row) < away(this.rows[best])) best = k;
      });
      if (away(this.rows[best]) < 30) this.select(best);
    }

    mark() {
      const chosen = this.rows[this.at];
      const same = (row) => ["teacher", "n_samples", "member", "noise", "lam_scale"].every((k) => row[k] === chosen[k]);
      const rings = this.rows.filter(same).map((row) => svg("circle", { cx: row.px, cy: row.py, r: 4.5 }));
      rings.push(svg("circle", { class: "pp-rows-chosen", cx: chosen.px, cy: chosen.py, r: 7 }));
      this.rings.replaceChildren(...rings);
    }

    invite() {
      const count = this.rows.filter((row) => row.base).length;
      const words = `${this.rows.length} trained students: ${count} of the base grid, and pale those with another size, noise or λ. Pick one.`;
      this.told.replaceChildren(html("p", {}, words));
    }

    select(at) {
      this.at = at;
      this.mark();
      const row = this.rows[at];
      const error = row.error_half_width ? `${text(row.error)} ± ${text(row.error_half_width)}` : text(row.error);
      const facts = [
        ["model", row.options],
        ["R", text(row.teacher)],
        ["N", text(row.n_samples)],
        ["σ", text(row.noise)],
        ["λ / theory’s", text(row.lam_scale)],
        ["seed", text(row.seed)],
        ["error", error],
        ["Θ", text(row.theta)],
        ["width found", text(row.width)],
        ["relative gap", row.relative_gap === null ? "∞" : row.relative_gap.toExponential(1)],
        ["polar / λ", `${text(row.polar_lower / row.lam)} to ${row.polar_upper === null ? "∞" : text(row.polar_upper / row.lam)}`],
      ];
      const list = html("dl", {});
      for (const [name, value] of facts)
        list.append(html("div", {}, html("dt", {}, name), html("dd", {}, value)));
      const command = `ppkit sweep rerun ${this.name} --key ${row.key}`;
      const copy = html("button", { type: "button" }, "Copy");
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(command);
          copy.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(line);
          copy.textContent = "Selected";
        }
      });
      const line = html("code", {}, command);
      this.told.replaceChildren(list, html("p", { class: "pp-rows-command" }, line, copy));
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const box of document.querySelectorAll(".pp-rows")) {
      const explorer = new Explorer(box);
      explorer.open(explorer.names[0]);
    }
  });
})();
