/**
 * Behaviour of the charts, as the page carries it: the wheel zooms, dragging moves, a double click shows
 * all, and what lies under the pointer is told below. Without it the charts show everything at once.
 */
export const chartScript = `
(() => {
  const chart = document.querySelector('.chart');
  if (chart === null) return;
  const drawings = [...chart.querySelectorAll('svg')];
  const [from, to] = chart.querySelectorAll('.axis span');
  const told = chart.querySelector('.told');
  const all = Number(chart.dataset.cycles);
  let [start, width, dragged] = [0, all, undefined];
  const show = () => {
    width = Math.min(all, Math.max(16, width));
    start = Math.min(all - width, Math.max(0, start));
    for (const drawing of drawings) {
      drawing.setAttribute('viewBox', [start, 0, width, drawing.viewBox.baseVal.height].join(' '));
    }
    from.textContent = 'cycle ' + Math.round(start).toLocaleString('en-US');
    to.textContent = 'cycle ' + Math.round(start + width).toLocaleString('en-US');
  };
  for (const drawing of drawings) {
    drawing.addEventListener('wheel', (event) => {
      event.preventDefault();
      const place = event.offsetX / drawing.clientWidth;
      const zoomed = Math.min(all, Math.max(16, width * (event.deltaY > 0 ? 1.25 : 0.8)));
      start += place * (width - zoomed);
      width = zoomed;
      show();
    }, { passive: false });
    drawing.addEventListener('pointerdown', (event) => {
      dragged = { x: event.clientX, start };
      drawing.setPointerCapture(event.pointerId);
    });
    drawing.addEventListener('pointermove', (event) => {
      if (dragged !== undefined) {
        start = dragged.start - ((event.clientX - dragged.x) / drawing.clientWidth) * width;
        show();
      }
      const title = event.target.querySelector?.('title');
      if (title) told.textContent = title.textContent;
    });
    drawing.addEventListener('pointerup', () => { dragged = undefined; });
    drawing.addEventListener('dblclick', () => { [start, width] = [0, all]; show(); });
  }
})();
`;
