// Sorting, searching and counting. The page contains everything without this script, so the script adds its own buttons.
(() => {
  "use strict";
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const tables = Array.from(document.querySelectorAll("table.sortable"));
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

  for (const table of tables) {
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
  // The parts of a picture name the rows of the table after it, in their first order.
  const pictures = Array.from(document.querySelectorAll("figure.pictures"), (figure) =>
    [figure, Array.from(figure.parentElement.querySelector("table.people").tBodies[0].rows)]);
  const contents = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const flags = boxes.filter((box) => box.checked).map((box) => box.name);
    const counts = new Map();
    for (const row of rows) {
      const own = (row.dataset.flags ?? "").split(" ");
      const isShown = words.every((word) => contents.get(row).includes(word)) && flags.every((flag) => own.includes(flag));
      row.hidden = !isShown;
    }
    for (const table of tables) {
      const own = Array.from(table.tBodies[0].rows);
      const shown = own.filter((row) => !row.hidden);
      table.closest(".counted").querySelector(".count").textContent = counted(shown.length, own.length, table);
      const total = counts.get(table.dataset.several) ?? { table, all: new Set(), shown: new Set() };
      own.forEach((row) => total.all.add(row.dataset.key ?? row));
      shown.forEach((row) => total.shown.add(row.dataset.key ?? row));
      counts.set(table.dataset.several, total);
    }
    for (const [figure, ofRows] of pictures) {
      figure.hidden = ofRows.every((row) => row.hidden);
      for (const part of figure.querySelectorAll("[data-of]")) {
        part.classList.toggle("off", part.dataset.of.split(" ").every((number) => ofRows[number].hidden));
      }
      for (const picture of figure.querySelectorAll("[role=img]")) {
        picture.toggleAttribute("hidden", picture.querySelector("[data-of]:not(.off)") === null);
      }
    }
    document.body.classList.toggle("filtered", rows.some((row) => row.hidden));
    const texts = Array.from(counts.values(), (each) => counted(each.shown.size, each.all.size, each.table));
    status.textContent = texts.join(", ");
  }

  function counted(shown, all, table) {
    const number = shown < all ? `${shown} of ${all}` : `${all}`;
    return `${number} ${all === 1 ? table.dataset.one : table.dataset.several}`;
  }

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", filter);
  controls.hidden = rows.length === 0;
  filter();
})();
