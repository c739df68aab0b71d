// publish.js
//   Writes the results of measure.js for people to read: README.md with tables,
//   rate.svg and growth.svg, and the page questions.md. A page of which the results
//   have no part stays as it is.
//
//   The idea: D3 draws into the document of linkedom, so no browser is needed.
//   D3 for the same reasons as in scripts/report, and so that the project has
//   one chart library, not two. Vega-Lite would take less code, but its SVG is
//   three times as large and gives every text and line its own font and colour,
//   where here a few classes serve light and dark.
//
//   A browser that shows an SVG as an image applies its reader's choice of light or
//   dark, but not the background of the page. So each SVG has its own background.
//
//   Limits: English; the numbers in titles are computed, their grammar is not.
//
//   node publish.js RESULTS.json DIRECTORY
'use strict';

const fs = require('fs');
const path = require('path');
const d3 = require('d3');
const { parseHTML } = require('linkedom');

const results = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const directory = process.argv[3];

const names = {
  winback: 'winback', plain: 'plain SQL', lag: 'with lag()',
  duckdb: 'DuckDB', clickhouse: 'ClickHouse',
};
const order = Object.keys(names);
const many = n => (n >= 1e6 ? `${n / 1e6} million` : n.toLocaleString('en-US'));
const short = n => (n >= 1e6 ? `${n / 1e6}M` : n >= 1e3 ? `${n / 1e3}k` : `${n}`);
const digits = n => {
  if (n >= 100) return n.toFixed(0);
  if (n >= 10) return n.toFixed(1);
  return n >= 0.1 ? n.toFixed(2) : Number(n.toPrecision(2)).toString();
};
const decade = n => n.toLocaleString('en-US', { maximumSignificantDigits: 1 });
const round = n => Math.round(n * 10) / 10;
const keyName = { int8: 'bigint keys', text: 'text keys' };
const spreadName = { uniform: 'customers alike', zipf: 'customers by Zipf\u2019s law' };

const rates = results.sets.filter(set => set.question === 'rate');
const find = (set, name, processes = 1) =>
  set.contenders.find(c => c.name === name && c.processes === processes);
const kindOf = set => `${set.spread} ${set.key}`;
const dataName = set => `${spreadName[set.spread]}, ${keyName[set.key]}`;

// ---------------------------------------------------------------- drawing

// Okabe and Ito's colours, which colour-blind readers can distinguish
const light = {
  winback: '#0072b2', plain: '#d55e00', lag: '#b08800', duckdb: '#00805e', clickhouse: '#a8487c',
};
const dark = {
  winback: '#4aa8e0', plain: '#f08540', lag: '#e0b83e', duckdb: '#2cc79b', clickhouse: '#e08bb8',
};
const colours = (paper, ink, quiet, rule, of) => `
.paper { fill: ${paper} } text, .whisker { fill: ${ink}; stroke: none } \
.quiet, .axis text { fill: ${quiet} }
.axis line, .grid line { stroke: ${rule} } .whisker { stroke: ${ink} }
${order.map(name => `.${name} { fill: ${of[name]}; stroke: ${of[name]} }`).join(' ')}`;
const style = `
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, \
sans-serif }
.title { font-size: 15px; font-weight: 600 } .head { font-weight: 600 } \
.axis text { font-size: 11px } .axis path { display: none }
rect.bar { stroke: none } .two { opacity: .55 } path.line { fill: none; stroke-width: 2px }
text.value { font-size: 11px } text.label { stroke: none; font-weight: 600 }
${colours('#ffffff', '#1c2126', '#59636e', '#d5dae0', light)}
@media (prefers-color-scheme: dark) {${colours('#15191e', '#e6e9ed', '#a3adb8', '#343c45', dark)}
}`;

// drawing(FILE, WIDTH, HEIGHT, TITLE, SUBTITLE, draw): writes an SVG with one element a line
function drawing(file, width, height, title, subtitle, draw) {
  const { document } = parseHTML('<!DOCTYPE html><html><body></body></html>');
  const svg = d3.select(document.body).append('svg:svg')
    .attr('xmlns', 'http://www.w3.org/2000/svg').attr('viewBox', `0 0 ${width} ${height}`)
    .attr('width', width).attr('height', height).attr('role', 'img');
  svg.append('title').text(title);
  svg.append('desc').text(subtitle);
  svg.append('style').text(style);
  svg.append('rect').attr('class', 'paper').attr('width', width).attr('height', height);
  svg.append('text').attr('class', 'title').attr('x', 16).attr('y', 26).text(title);
  svg.append('text').attr('class', 'quiet').attr('x', 16).attr('y', 45).text(subtitle);
  draw(svg);
  // the axes of D3 have attributes that our classes replace
  svg.selectAll('*').attr('font-family', null).attr('font-size', null).attr('opacity', null);
  svg.selectAll('.axis line, .axis text').attr('stroke', null).attr('fill', null);
  svg.selectAll('.domain').remove();
  const rounded = (all, head, x, y) => `${head}${round(x)},${round(y)})`;
  const text = document.body.innerHTML.replace(/></g, '>\n<')
    .replace(/(translate\()([\d.]+),([\d.]+)\)/g, rounded);
  fs.writeFileSync(path.join(directory, file), `${text}\n`);
}

// --------------------------------------------------- bars: time of the rate

function drawRate() {
  const sizes = [...new Set(rates.map(set => set.orders))].sort((a, b) => a - b);
  const kinds = ['uniform int8', 'uniform text', 'zipf int8', 'zipf text']
    .filter(kind => rates.some(set => kindOf(set) === kind));
  const left = 96, panel = (1040 - left) / kinds.length, room = 62, bar = 11, row = 2 * bar + 9;
  const panels = sizes.map(orders => {
    const sets = rates.filter(set => set.orders === orders);
    const here = order.filter(name => sets.some(set => find(set, name)));
    return { orders, sets, here, height: here.length * row };
  });
  const height = 76 + d3.sum(panels, p => p.height + 62);
  const last = rates.filter(set => kindOf(set) === 'uniform int8').pop()
    || rates[rates.length - 1];
  const beside = ['plain', 'duckdb', 'clickhouse'].filter(name => find(last, name))
    .map((name, i) => `${name === 'plain' ? 'the best plain SQL' : names[name]} `
      + `${digits(find(last, name).ratio.median)}${i ? '' : ' times that'}`);
  const own = digits(find(last, 'winback').seconds.median);
  const title = `${many(last.orders)} orders: winback takes ${own} s, ${beside.join(', ')}`;
  drawing('rate.svg', 1040, height, title,
    'Seconds for the reactivation rate, all data in memory. '
      + 'Dark bars: one process or thread, light bars: two. '
      + 'Median, and a line from the fastest to the slowest round.', svg => {
      let top = 70;
      for (const { orders, sets, here, height: high } of panels) {
        const most = d3.max(sets, set => d3.max(set.contenders, c => c.seconds.greatest));
        const x = d3.scaleLinear().domain([0, most]).range([0, panel - room - 14]);
        svg.append('text').attr('class', 'head').attr('x', 16).attr('y', top + 6)
          .text(`${many(orders)} orders`);
        const labels = svg.append('g').attr('transform', `translate(${left - 10},${top + 34})`);
        labels.selectAll('text').data(here).enter().append('text').attr('text-anchor', 'end')
          .attr('y', (name, i) =>
            i * row + (sets.some(set => find(set, name, 2)) ? bar : bar / 2) + 4)
          .text(name => names[name]);
        kinds.forEach((kind, i) => {
          const set = sets.find(one => kindOf(one) === kind);
          if (!set) return;
          const g = svg.append('g').attr('transform', `translate(${left + i * panel},${top + 34})`);
          g.append('text').attr('class', 'quiet').attr('y', -10).text(dataName(set));
          g.append('g').attr('class', 'axis').attr('transform', `translate(0,${high})`)
            .call(d3.axisBottom(x).ticks(3).tickSize(-high).tickPadding(5)
              .tickFormat(t => (t ? `${t} s` : '0')));
          for (const c of set.contenders) {
            const y = here.indexOf(c.name) * row + (c.processes - 1) * (bar + 1);
            const { median, least, greatest } = c.seconds;
            g.append('rect').attr('class', `bar ${c.name}${c.processes === 2 ? ' two' : ''}`)
              .attr('y', y).attr('width', Math.max(1, round(x(median)))).attr('height', bar);
            g.append('line').attr('class', 'whisker')
              .attr('x1', round(x(least))).attr('x2', round(x(greatest)))
              .attr('y1', y + bar / 2).attr('y2', y + bar / 2);
            g.append('text').attr('x', round(x(greatest)) + 4).attr('y', y + bar - 1.5)
              .text(`${digits(median)} s`)
              .attr('class', c.processes === 2 ? 'value quiet' : 'value');
          }
        });
        top += high + 62;
      }
    });
}

// ------------------------------------- lines: how time and memory grow

const axes = {
  orders: { of: point => point.orders, label: () => 'orders, ten a customer' },
  customers: { of: point => point.customers, label: n => `customers of ${many(n)} orders` },
  groups: { of: point => point.variables.groups, label: n => `groups of ${many(n)} orders` },
  periods: { of: point => point.variables.periods, label: n => `periods over ${many(n)} orders` },
};
// the points of an axis, in ascending order; data sets with more orders extend the axis of orders
function growthOf(axis) {
  const points = results.growth.filter(point => point.axis.includes(axis));
  if (axis === 'orders') {
    const most = d3.max(points, point => point.orders);
    points.push(...rates.filter(set => kindOf(set) === 'uniform int8' && set.orders > most));
  }
  return points.map(point => ({
    x: axes[axis].of(point),
    contenders: point.contenders.filter(c => c.processes === 1 && c.name !== 'lag'),
  })).sort((a, b) => a.x - b.x);
}

// moves the labels at the ends of lines apart so that none overlap
function apart(labels, distance, low, high) {
  labels.sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i++) {
    labels[i].y = Math.max(labels[i].y, labels[i - 1].y + distance);
  }
  const over = labels.length ? labels[labels.length - 1].y - high : 0;
  if (over > 0) {
    labels[labels.length - 1].y -= over;
    for (let i = labels.length - 2; i >= 0; i--) {
      labels[i].y = Math.min(labels[i].y, labels[i + 1].y - distance);
    }
  }
  for (const label of labels) label.y = Math.max(label.y, low);
}

function drawGrowth() {
  const measures = [
    { title: 'time, seconds', of: c => c.seconds.median, format: decade },
    // 0.1 MB is the noise of a process
    {
      title: 'memory beyond reading the table, megabytes',
      of: c => (c.bytes === undefined ? undefined : Math.max(c.bytes / 1e6, 0.1)),
      format: t => (t <= 0.1 ? '\u2264 0.1' : decade(t)),
    },
  ];
  const columns = Object.keys(axes).filter(axis => growthOf(axis).length > 1);
  const panel = 1016 / columns.length, left = 40, right = 74;
  const width = panel - left - right, high = 170;
  const base = d3.max(results.growth, point => point.orders);
  const factor = axis => {
    const points = growthOf(axis)
      .map(p => [p.x, p.contenders.find(c => c.name === 'winback').seconds.median]);
    const [first, last] = [points[0], points[points.length - 1]];
    return [last[0] / first[0], last[1] / first[1]];
  };
  const grown = axis => {
    const [x, y] = factor(axis);
    return [x.toLocaleString('en-US'), digits(y)];
  };
  const [orders, byOrders] = grown('orders');
  const [groups, byGroups] = grown('groups');
  const [periods, byPeriods] = grown('periods');
  const title = `winback takes ${byOrders} times as long for ${orders} times the orders, `
    + `${byGroups} for ${groups} groups, ${byPeriods} for ${periods} periods`;
  drawing('growth.svg', 1040, 70 + measures.length * (high + 74), title,
    'One process or thread, both scales logarithmic, median of the rounds. '
      + 'Memory: peak of the process beyond its peak after reading the same columns.', svg => {
      measures.forEach((measure, line) => {
        const top = 92 + line * (high + 74);
        const all = columns
          .flatMap(axis => growthOf(axis).flatMap(p => p.contenders.map(measure.of)))
          .filter(v => v !== undefined);
        const low = Math.floor(Math.log10(d3.min(all)));
        const upper = Math.ceil(Math.log10(d3.max(all)));
        const y = d3.scaleLog().domain([10 ** low, 10 ** upper]).range([high, 0]);
        const decades = scale => {
          const [from, to] = scale.domain().map(Math.log10);
          return d3.range(Math.ceil(from - 1e-9), to + 1e-9).map(e => Number(`1e${e}`));
        };
        svg.append('text').attr('class', 'head').attr('x', 16).attr('y', top - 16)
          .text(measure.title[0].toUpperCase() + measure.title.slice(1));
        columns.forEach((axis, i) => {
          const points = growthOf(axis);
          const x = d3.scaleLog().domain(d3.extent(points, p => p.x)).range([0, width]);
          const g = svg.append('g')
            .attr('transform', `translate(${round(12 + i * panel + left)},${top})`);
          g.append('g').attr('class', 'axis')
            .call(d3.axisLeft(y).tickValues(decades(y)).tickSize(-width).tickPadding(6)
              .tickFormat(measure.format));
          const ticks = decades(x).filter((t, n, list) => list.length < 6 || n % 2 === 0);
          g.append('g').attr('class', 'axis').attr('transform', `translate(0,${high})`)
            .call(d3.axisBottom(x).tickValues(ticks).tickSize(4).tickFormat(short));
          g.append('text').attr('class', 'quiet')
            .attr('x', round(width / 2)).attr('y', high + 34).attr('text-anchor', 'middle')
            .text(axes[axis].label(base));
          const ends = [];
          for (const name of order) {
            const line = points.map(p => ({ x: p.x, c: p.contenders.find(c => c.name === name) }))
              .filter(p => p.c && measure.of(p.c) !== undefined)
              .map(p => [round(x(p.x)), round(y(measure.of(p.c)))]);
            if (!line.length) continue;
            g.append('path').attr('class', `line ${name}`).attr('d', d3.line()(line));
            g.selectAll(`.dot-${name}`).data(line).enter().append('circle').attr('class', name)
              .attr('cx', d => d[0]).attr('cy', d => d[1]).attr('r', 2.5);
            const end = line[line.length - 1];
            ends.push({ name, x: end[0], y: end[1] + 4 });
          }
          apart(ends, 14, 4, high + 4);
          g.selectAll('.label').data(ends).enter().append('text')
            .attr('class', d => `label ${d.name}`)
            .attr('x', d => d.x + 7).attr('y', d => d.y).text(d => names[d.name]);
        });
      });
    });
}

// ------------------------------------------------------------------ tables

const tableRow = row => `| ${row.join(' | ')} |`;
const table = ([head, ...body]) =>
  [tableRow(head), `|${head.map(() => '---').join('|')}|`, ...body.map(tableRow)].join('\n');
const contenderName = (name, n) =>
  `${name === 'lag' ? 'plain SQL with lag()' : names[name]}${n === 2 ? ', 2 processes' : ''}`;
const spread = ({ least, greatest }) => `(${digits(least)} to ${digits(greatest)})`;
const cell = c => {
  if (!c) return '';
  const seconds = `${digits(c.seconds.median)} s`;
  if (c.name === 'winback') return `${seconds} ${spread(c.seconds)}`;
  return `${seconds}, ${digits(c.ratio.median)} times ${spread(c.ratio)}`;
};

function rows(sets) {
  return order.flatMap(name => [1, 2].map(n => [name, n]))
    .filter(([name, n]) => sets.some(set => find(set, name, n)))
    .map(([name, n]) => [contenderName(name, n), ...sets.map(set => cell(find(set, name, n)))]);
}

// Breaks a paragraph into lines of up to 100 columns.
const wrap = (text, indent = '') => text.split(' ').reduce((lines, word) => {
  const line = `${lines[lines.length - 1]} ${word}`;
  return line.length > 100 ? [...lines, indent + word] : [...lines.slice(0, -1), line];
}, ['']).join('\n').trim();

// The beginning of a page: how the results came about
function about(say) {
  const { machine, versions } = results;
  say(wrap('`bench/peers` wrote this file. [bench/README.md](../../bench/README.md) describes the '
    + 'measurements and explains how to read the results.'));
  const lines = [
    `run: ${results.begun.slice(0, 10)}, commit ${results.commit}, ${results.rounds} rounds, `
      + `${results.minutes} minutes`,
    `machine: ${machine.cores} cores (${machine.cpu}), `
      + `${Math.round(machine.memory_mb / 1024)} GiB, load ${machine.load_before} before and `
      + `${machine.load_after} at the end`,
    `PostgreSQL ${versions.postgresql}: ${results.settings.join(', ')}`,
  ];
  if (versions.duckdb) lines.push(`DuckDB ${versions.duckdb}`);
  if (versions.clickhouse) lines.push(`ClickHouse ${versions.clickhouse} (as chdb, its library)`);
  say(lines.map(line => wrap(`- ${line}`, '  ')).join('\n'));
  for (const [name, reason] of Object.entries(results.leftOut)) {
    say(`**${names[name]} was left out**, because it did not work: ${reason}`);
  }
  say(wrap('Each time is the median over the rounds. The number after it is the ratio to the time '
    + 'of winback in the same round, with the same number of processes: the median over the '
    + 'rounds, and in parentheses the least and the greatest ratio.'));
}

function writePage(file, out) {
  fs.writeFileSync(path.join(directory, file), `${out.join('\n').trim()}\n`);
}

function writeTables() {
  const out = [];
  const say = text => out.push(text, '');
  say('# winback beside its peers');
  about(say);
  if (fs.existsSync(path.join(directory, 'questions.md'))) {
    say('[questions.md](questions.md) compares groups, joins, lists, series, money and events.');
  }
  if (rates.length) {
    say('## The reactivation rate');
    say('![Time of the reactivation rate](rate.svg)');
  }
  for (const orders of [...new Set(rates.map(set => set.orders))]) {
    const sets = rates.filter(set => set.orders === orders);
    say(`${many(orders)} orders of ${many(orders / 10)} customers:`);
    say(table([['', ...sets.map(dataName)], ...rows(sets)]));
  }
  for (const set of results.sets.filter(one => one.question === 'series')) {
    say(`## The reactivation of ${set.variables.periods} months`);
    say(wrap(`winback runs \`lifecycle_series\` over ${many(set.orders)} orders. The others run `
      + 'SQL that computes only the reactivation, in one pass:'));
    say(table([['', dataName(set)], ...rows([set])]));
  }
  if (results.growth.length) {
    say('## Growth');
    say('![Growth of time and memory](growth.svg)');
    for (const axis of Object.keys(axes)) {
      const points = growthOf(axis);
      const here = order.filter(name => points.some(p => p.contenders.some(c => c.name === name)));
      const base = d3.max(results.growth, point => point.orders);
      say(table([[axes[axis].label(base), ...here.map(name => `${names[name]}`)],
        ...points.map(p => [p.x.toLocaleString('en-US'), ...here.map(name => {
          const c = p.contenders.find(one => one.name === name);
          if (!c) return '';
          const memory = c.bytes === undefined ? ''
            : `, ${digits(Math.max(0, c.bytes / 1e6))} MB`;
          return `${digits(c.seconds.median)} s${memory}`;
        })])]));
    }
  }
  say('## Which form was the fastest');
  const tried = results.sets.filter(set => set.question === 'rate')
    .flatMap(set => set.contenders.filter(c => c.name !== 'winback' && c.name !== 'lag')
      .map(c => [many(set.orders), dataName(set), contenderName(c.name, c.processes), c.title,
        Object.keys(c.tried).length]));
  say(table([['orders', 'data', 'contender', 'form', 'of'], ...tried]));
  writePage('README.md', out);
}

const limitName = { duckdb: 'DuckDB', count: '`count(*)`', rate: 'whole table' };
const headings = {
  winback: 'winback', executor: 'without its scan', plain: 'plain SQL', duckdb: 'DuckDB',
  count: '`count(*)`',
};

// one row of a table of questions: the contenders, and winback's ratio to each of its limits
function questionRow(set, processes, columns) {
  const cells = columns.map(name => {
    const c = find(set, name, processes);
    if (!c) return '';
    const postgres = name !== 'duckdb';
    const notes = [name === 'winback' && !c.scan && 'no scan',
      processes === 2 && postgres && !c.parallel && 'not parallel'];
    return [cell(c), ...notes.filter(note => note)].join(', ');
  });
  const limits = set.limits.filter(limit => limit.processes === processes);
  const each = of => limits.map(of).join('<br>');
  return [set.title, ...cells,
    each(({ factor, of }) => `${factor.toFixed(1)} times ${limitName[of]}`),
    each(({ ratio, met }) => `${digits(ratio.median)} ${spread(ratio)}, ${met ? 'yes' : '**no**'}`),
  ];
}

function writeQuestions() {
  const out = [];
  const say = text => out.push(text, '');
  say('# Questions to a shop');
  about(say);
  say(wrap('*Limit* is the time that winback may take. *Reached* is the ratio of its time to that '
    + 'of the contender in the limit, and whether it is within the limit. *Without its scan* is '
    + 'winback with `winback.enable_scan = off`. *No scan* and *not parallel* mean that the plan '
    + 'had no Winback Scan, or used one process where two were allowed. In this page, the planner '
    + 'chooses with its default costs.'));
  for (const orders of [...new Set(results.questions.map(set => set.orders))]) {
    const sets = results.questions.filter(set => set.orders === orders);
    for (const processes of [1, 2]) {
      const columns = Object.keys(headings)
        .filter(name => sets.some(set => find(set, name, processes)));
      if (!columns.length) continue;
      say(`## ${many(orders)} orders, ${processes === 1 ? 'one process' : 'two processes'}`);
      say(table([['', ...columns.map(name => headings[name]), 'limit', 'reached'],
        ...sets.map(set => questionRow(set, processes, columns))]));
    }
  }
  say('## Which form was the fastest');
  say(table([['orders', 'question', 'contender', 'form', 'of'],
    ...results.questions.flatMap(set => set.contenders
      .filter(c => Object.keys(c.tried).length > 1)
      .map(c => [many(set.orders), set.title, contenderName(c.name, c.processes), c.title,
        Object.keys(c.tried).length]))]));
  writePage('questions.md', out);
}

fs.mkdirSync(directory, { recursive: true });
if (results.questions && results.questions.length) writeQuestions();
if (rates.length) drawRate();
if (results.growth.length) drawGrowth();
if (results.sets.length || results.growth.length) writeTables();
