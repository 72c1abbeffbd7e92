// Sorting and searching. Everything is on the page without this, so what it needs it makes itself.
(() => {
  "use strict";
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const rows = Array.from(document.querySelectorAll("table.sortable tbody tr"));

  function key(row, column) {
    const cell = row.cells[column];
    return cell.dataset.order ?? cell.textContent;
  }

  function sort(table, column, header) {
    const wanted = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    const sign = wanted === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const sorted = Array.from(body.rows);
    sorted.sort((one, other) => sign * collator.compare(key(one, column), key(other, column)));
    for (const each of table.tHead.rows[0].cells) {
      each.removeAttribute("aria-sort");
    }
    header.setAttribute("aria-sort", wanted);
    body.append(...sorted);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, column, header));
      header.append(button);
    });
  }

  const controls = document.getElementById("controls");
  const search = document.getElementById("search");
  const boxes = Array.from(controls.querySelectorAll("input[type=checkbox]"));
  const status = controls.querySelector("[role=status]");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const flags = boxes.filter((box) => box.checked).map((box) => box.name);
    let shown = 0;
    for (const row of rows) {
      const own = (row.dataset.flags ?? "").split(" ");
      const isShown = words.every((word) => texts.get(row).includes(word)) && flags.every((flag) => own.includes(flag));
      row.hidden = !isShown;
      shown += isShown ? 1 : 0;
    }
    document.body.classList.toggle("filtered", shown < rows.length);
    status.textContent = shown < rows.length ? `${shown} of ${rows.length} rows shown` : `${rows.length} rows`;
  }

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", filter);
  controls.hidden = rows.length === 0;
  filter();
})();
