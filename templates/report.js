'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const data = JSON.parse(byId('data').textContent);
  const make = (name, text, attributes) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };

  // ---- the table

  const table = byId('cases');
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const text = (row, column) => row.cells[column].textContent.trim();
  const columnOf = name => heads.findIndex(head => head.textContent.trim().startsWith(name));
  const outcomes = columnOf('Outcome');
  const machines = columnOf('Machine');
  const changes = columnOf('Change');
  const word = cell => cell.replace(/^\S+ /, '');
  const cases = rows.map(row => ({
    row,
    text: row.textContent.toLowerCase(),
    model: row.querySelector('a').textContent,
    outcome: word(text(row, outcomes)),
    machine: machines > 0 ? text(row, machines) : '',
    worse: changes > 0 && text(row, changes).includes('worse'),
  }));

  const inputs = {};
  for (const name of ['text', 'outcome', 'model', 'machine', 'worse', 'clear']) inputs[name] = byId('f-' + name);
  for (const name of ['outcome', 'model', 'machine']) {
    if (!inputs[name]) continue;
    const values = new Set(cases.map(it => it[name]));
    for (const value of Array.from(values).sort()) inputs[name].append(make('option', value, { value }));
  }

  const filter = () => {
    const words = inputs.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const is = (it, name) => !inputs[name] || inputs[name].value === '' || inputs[name].value === it[name];
    let shown = 0;
    for (const it of cases) {
      const fits = words.every(part => it.text.includes(part)) && is(it, 'outcome') && is(it, 'model') &&
        is(it, 'machine') && (!inputs.worse || !inputs.worse.checked || it.worse);
      if (it.row.hidden === fits) it.row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId('shown').textContent = shown === cases.length ? cases.length + ' cases' : shown + ' of ' + cases.length + ' cases';
  };
  for (const name in inputs) {
    if (inputs[name] && name !== 'clear') inputs[name].addEventListener('input', filter);
  }
  inputs.clear.addEventListener('click', () => {
    for (const name of ['text', 'outcome', 'model', 'machine']) if (inputs[name]) inputs[name].value = '';
    if (inputs.worse) inputs.worse.checked = false;
    filter();
    inputs.text.focus();
  });

  const number = cell => {
    const found = cell.replace(/,/g, '').replace('−', '-').match(/[-+]?\d[\d.]*(e[-+]?\d+)?/);
    return found ? Number(found[0]) : NaN;
  };
  const sort = (column, descending) => {
    const numeric = heads[column].classList.contains('n');
    const keys = new Map(rows.map(row => [row, numeric ? number(text(row, column)) : text(row, column)]));
    const sorted = rows.slice().sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (numeric) {
        // What has no number comes last, whichever way.
        if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
        return descending ? y - x : x - y;
      }
      return descending ? y.localeCompare(x) : x.localeCompare(y);
    });
    heads.forEach((head, place) => {
      if (place === column) head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    body.append(...sorted);
  };
  heads.forEach((head, column) => {
    const button = make('button', undefined, { type: 'button' });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const first = head.classList.contains('n') ? 'descending' : 'ascending';
      sort(column, before ? before === 'ascending' : first === 'descending');
    });
  });
  byId('filters').hidden = false;
  filter();

  // ---- the pages of cases: trends of all metrics, and their numbers

  const SVG = 'http://www.w3.org/2000/svg';
  const LEFT = 70, RIGHT = 786, TOP = 26, BOTTOM = 178;
  const svg = (name, attributes, content) => {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (content !== undefined) element.textContent = content;
    return element;
  };
  const times = data.runs.map(run => run[0]);
  const span = times[times.length - 1] - times[0];
  const place = run => span > 0
    ? Math.round(LEFT + 10 + (times[run] - times[0]) / span * (RIGHT - LEFT - 20))
    : (LEFT + RIGHT) / 2;
  const day = run => new Date(times[run] * 60000).toISOString().slice(0, 16).replace('T', ' ');
  const show = value => {
    const size = Math.abs(value);
    if (size >= 1000) return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',');
    return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 5);
  };
  const median = values => {
    const sorted = values.slice().sort((a, b) => a - b);
    const half = sorted.length / 2;
    return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
  };

  // The points of a series: run, value, state, note.
  const points = (one, at) => {
    const [, exponent, first, values] = one.s[at];
    const odd = new Map((one.x || []).filter(it => it[0] === at).map(it => [it[1], it]));
    let sum = 0;
    return values.map((step, index) => {
      sum += step || 0;
      return { run: first + index, raw: step === null ? null : sum };
    }).filter(it => it.raw !== null).map(it => {
      const [, , state, note] = odd.get(it.run) || [0, 0, 'valid', ''];
      return { run: it.run, value: it.raw / Math.pow(10, exponent), state, note, counts: state === 'valid' || state === 'flaky' };
    });
  };
  // Median and MAD of each release with five points or more.
  const bands = found => {
    const stretches = [];
    for (const point of found.filter(it => it.counts)) {
      const release = data.runs[point.run][1];
      const last = stretches[stretches.length - 1];
      if (last && last.release === release) last.points.push(point);
      else stretches.push({ release, points: [point] });
    }
    return stretches.filter(it => it.points.length >= 5).map(it => {
      const values = it.points.map(point => point.value);
      const middle = median(values);
      const half = 3 * 1.4826022185 * median(values.map(value => Math.abs(value - middle)));
      return { first: it.points[0].run, last: it.points[it.points.length - 1].run, middle, low: middle - half, high: middle + half };
    });
  };
  const draw = (one, at) => {
    const [metric] = one.s[at];
    const [name, unit] = data.metrics[metric];
    const found = points(one, at);
    const noise = bands(found);
    const counting = found.filter(it => it.counts);
    let values = counting.map(it => it.value).concat(noise.flatMap(it => [it.low, it.high]));
    if (values.length === 0) values = found.map(it => it.value);
    let low = Math.min(...values), high = Math.max(...values);
    const margin = high > low ? (high - low) * 0.06 : Math.max(Math.abs(low) * 0.01, 1e-9);
    low -= margin;
    high += margin;
    const y = value => Math.round(BOTTOM - Math.min(1, Math.max(0, (value - low) / (high - low))) * (BOTTOM - TOP));
    const chart = svg('svg', { class: 'trend', viewBox: '0 0 800 210', role: 'img',
      'aria-label': name + ' in ' + unit + ', ' + found.length + ' points' });
    const path = (kind, d) => { if (d) chart.append(svg('path', { class: kind, d })); };
    path('band', noise.map(it => 'M' + (place(it.first) - 4) + ' ' + y(it.high) + 'H' + (place(it.last) + 4) + 'V' + y(it.low) + 'H' + (place(it.first) - 4) + 'z').join(''));
    const rough = (high - low) / 4;
    const power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map(it => it * power).find(it => it >= rough) || rough;
    const digits = Math.min(9, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
    for (let tick = Math.ceil(low / step); tick <= Math.floor(high / step); tick++) {
      path('grid', 'M' + LEFT + ' ' + y(tick * step) + 'H' + RIGHT);
      const label = digits === 0 && Math.abs(tick * step) >= 1000 ? show(tick * step) : (tick * step).toFixed(digits);
      chart.append(svg('text', { x: LEFT - 6, y: y(tick * step) + 4, 'text-anchor': 'end' }, label));
    }
    path('middle', noise.map(it => 'M' + (place(it.first) - 4) + ' ' + y(it.middle) + 'H' + (place(it.last) + 4)).join(''));
    let before = '', free = 0;
    data.runs.forEach((run, index) => {
      if (run[1] === '' || run[1] === before) return;
      const x = place(index) - 5;
      if (before !== '') path('releases', 'M' + x + ' ' + (TOP - 4) + 'V' + BOTTOM);
      if (x >= free) {
        chart.append(svg('text', { class: 'release', x: x + 3, y: TOP - 8 }, run[1].slice(0, 11)));
        free = x + 74;
      }
      before = run[1];
    });
    let d = '', drawing = false;
    for (const it of found) {
      if (it.counts) d += drawing ? 'L' + place(it.run) + ' ' + y(it.value) : 'M' + place(it.run) + ' ' + y(it.value) + 'h0';
      drawing = it.counts;
    }
    path('line', d);
    for (const [, run, tenths, words] of (one.k || []).filter(it => it[0] === at)) {
      const [kind, sign, word, circumstances] = data.steps[words];
      const earlier = counting.filter(it => it.run < run);
      const x = earlier.length ? Math.trunc((place(earlier[earlier.length - 1].run) + place(run)) / 2) : place(run);
      const change = (tenths < 0 ? '−' : '+') + (Math.abs(tenths) / 10).toFixed(Math.abs(tenths) >= 1000 ? 0 : 1) + ' %';
      const line = svg('path', { class: 'step ' + kind, d: 'M' + x + ' ' + TOP + 'V' + BOTTOM });
      line.append(svg('title', {}, day(run).slice(0, 10) + ': ' + change + ', ' + word + '; ' + circumstances));
      chart.append(line);
      const end = x > RIGHT - 80;
      const text = svg('text', { class: 'step ' + kind, x: end ? x - 4 : x + 4, y: BOTTOM - 4 }, sign + ' ' + change);
      if (end) text.setAttribute('text-anchor', 'end');
      chart.append(text);
    }
    const cross = (x, at, s) => 'M' + (x - s) + ' ' + (at - s) + 'l' + 2 * s + ' ' + 2 * s + 'm-' + 2 * s + ' 0l' + 2 * s + ' -' + 2 * s;
    path('invalid', found.filter(it => !it.counts).map(it => cross(place(it.run), y(it.value), 4)).join(''));
    path('flaky', found.filter(it => it.state === 'flaky').map(it => 'M' + place(it.run) + ' ' + (y(it.value) - 4) + 'l4 4-4 4-4-4z').join(''));
    if (counting.length) {
      const newest = counting[counting.length - 1];
      chart.append(svg('circle', { class: 'newest', cx: place(newest.run), cy: y(newest.value), r: 4 }));
    }
    path('failed', (one.f || []).map(run => cross(place(run), BOTTOM - 6, 3)).join(''));
    (one.r || []).forEach((run, index) => {
      path('flag', 'M' + (place(run) - 5) + ' ' + (BOTTOM + 3) + 'h10l-5 10z');
      chart.append(svg('text', { class: 'flag', x: place(run) + 8, y: BOTTOM + 13 }, String(index + 1)));
    });
    chart.append(svg('text', { x: LEFT + 10, y: 207 }, day(0).slice(0, 10)));
    chart.append(svg('text', { x: RIGHT - 10, y: 207, 'text-anchor': 'end' }, day(times.length - 1).slice(0, 10)));
    return chart;
  };

  const told = (point, unit) => day(point.run) + (data.runs[point.run][1] ? ' · ' + data.runs[point.run][1] : '') + ' · ' +
    show(point.value) + ' ' + unit + (point.state === 'valid' ? '' : ' · ' + point.state + (point.note ? ': ' + point.note : ''));

  const enrich = section => {
    const figure = section.querySelector('.over-time');
    const one = data.cases[Number(section.id.slice(1))];
    if (!figure || !one || figure.dataset.ready) return;
    figure.dataset.ready = 'yes';
    const caption = figure.querySelector('figcaption');
    const readout = make('p', '', { class: 'readout' });
    const pick = make('div', undefined, { class: 'pick', role: 'group', 'aria-label': 'Metric' });
    const values = make('details');
    values.append(make('summary', 'Values'));
    let current = 0;
    const fill = () => {
      values.querySelectorAll('table').forEach(it => it.remove());
      if (!values.open) return;
      const unit = data.metrics[one.s[current][0]][1];
      const list = make('table');
      const top = list.createTHead().insertRow();
      for (const title of ['Run', 'Release', unit, 'State']) top.append(make('th', title, { scope: 'col' }));
      const rows = list.createTBody();
      for (const point of points(one, current).reverse()) {
        const row = rows.insertRow();
        for (const cell of [day(point.run), data.runs[point.run][1], show(point.value), point.state + (point.note ? ': ' + point.note : '')]) row.append(make('td', cell));
      }
      values.append(list);
    };
    const choose = at => {
      current = at;
      const name = data.metrics[one.s[at][0]][0];
      caption.textContent = name + ' over the runs';
      Array.from(pick.children).forEach((button, index) => button.setAttribute('aria-pressed', String(index === at)));
      figure.querySelector('svg').replaceWith(draw(one, at));
      readout.textContent = '';
      fill();
    };
    one.s.forEach((series, at) => {
      const button = make('button', data.metrics[series[0]][0], { type: 'button', 'aria-pressed': String(at === 0) });
      button.addEventListener('click', () => choose(at));
      pick.append(button);
    });
    caption.after(pick);
    figure.append(readout, values);
    values.addEventListener('toggle', fill);
    figure.addEventListener('pointermove', event => {
      const chart = figure.querySelector('svg');
      if (!chart.contains(event.target)) return;
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * 800;
      const near = points(one, current).reduce((best, it) =>
        best && Math.abs(place(best.run) - x) <= Math.abs(place(it.run) - x) ? best : it, null);
      if (near) readout.textContent = told(near, data.metrics[one.s[current][0]][1]);
    });
  };
  const arrive = () => {
    const section = location.hash.startsWith('#c') && byId(location.hash.slice(1));
    if (section && section.classList.contains('case')) {
      enrich(section);
      window.scrollTo(0, 0);
    }
  };
  window.addEventListener('hashchange', arrive);
  arrive();
})();
