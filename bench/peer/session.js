// session.js
//   Sessions in PostgreSQL, DuckDB and ClickHouse that stay open, so that what
//   is timed is a query and neither a program nor a connection that starts.
//   Each is a process, told by its standard input what to do: psql for
//   PostgreSQL, engine.js for the others. One request at a time.
//
//     run(query, processes)  {lines, seconds}: the rows as text, columns parted by |
//     peak()                 bytes: the peak resident memory of the process that works
//     close()
'use strict';

const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const readline = require('readline');

class Session {
  constructor(command, args) {
    this.complaints = '';
    this.waiting = null;
    this.gone = false;
    this.child = spawn(command, args);
    this.child.stderr.on('data', data => { this.complaints += data; });
    this.child.stdin.on('error', () => {});
    readline.createInterface({ input: this.child.stdout }).on('line', line => this.waiting && this.waiting.line(line));
    this.ended = new Promise(resolve => {
      const end = what => {
        this.gone = true;
        if (this.waiting) this.waiting.reject(new Error(`${command} ended (${what}): ${this.complaints.trim()}`));
        resolve();
      };
      this.child.on('error', error => end(error.message));
      this.child.on('close', (code, signal) => end(signal || code));
    });
  }

  // send text, and take lines until one of them makes take(line) true
  ask(text, take) {
    return new Promise((resolve, reject) => {
      if (this.gone) { reject(new Error(`the session has ended: ${this.complaints.trim()}`)); return; }
      this.waiting = { line: line => { if (take(line)) { this.waiting = null; resolve(); } }, reject };
      this.child.stdin.write(text);
    });
  }

  async close() {
    this.child.stdin.end();
    await this.ended;
  }
}

// Two processes for a query: the leader and a worker.
const parallel = ['max_parallel_workers_per_gather = 1', 'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
  'min_parallel_table_scan_size = 0'].map(setting => `SET ${setting};`).join('\n');

class Psql extends Session {
  constructor(psql) {
    super(psql[0], psql.slice(1));
  }

  // What a script of psql prints, and the time of its last statement. Settings
  // last as long as the script.
  async script(text) {
    const lines = [];
    let seconds;
    await this.ask(`${text}\n\\timing off\nRESET ALL;\n\\echo --- done\n`, line => {
      const time = /^Time: ([\d.]+) ms/.exec(line);
      if (time) seconds = time[1] / 1000;
      else if (line !== '--- done') lines.push(line);
      return line === '--- done';
    });
    return { lines, seconds };
  }

  run(query, processes) {
    return this.script(`${processes === 2 ? parallel : ''}\n${query.settings}\n\\timing on\n${query.select}`);
  }

  async plan(query, processes) {
    return (await this.script(`${processes === 2 ? parallel : ''}\n${query.settings}\nEXPLAIN ${query.select}`)).lines.join('\n');
  }

  async peak() {
    const { lines } = await this.script(`SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s+(\\d+) kB'))[1];`);
    return 1024 * lines[0];
  }
}

class Engine extends Session {
  constructor(engine, directory, prelude) {
    super(process.execPath, [path.join(__dirname, 'engine.js'), engine, directory]);
    this.prelude = prelude;
  }

  async request(request) {
    let answer;
    await this.ask(`${JSON.stringify(request)}\n`, line => {
      // whatever a library has to say is no answer
      if (!line.startsWith('{"')) return false;
      answer = JSON.parse(line);
      return true;
    });
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  async run(query, processes) {
    const { rows, seconds } = await this.request({ sql: [...this.prelude(processes), query.select] });
    return { lines: rows.map(row => row.join('|')), seconds };
  }

  async peak() { return (await this.request({ peak: true })).bytes; }
}

// A file of queries/: {title, settings, select}. \ir is followed, as psql does.
function readQuery(file) {
  const [first, ...rest] = fs.readFileSync(file, 'utf8').split('\n');
  const text = [first, ...rest].map(line => {
    const included = /^\\ir (.*)/.exec(line);
    return included ? fs.readFileSync(path.resolve(path.dirname(file), included[1]), 'utf8') : line;
  }).join('\n');
  const lines = text.split('\n').filter(line => line && !/^\s*--/.test(line));
  const begin = lines.findIndex(line => /^(SELECT|WITH)\b/.test(line));
  return {
    title: first.replace(/^-- /, ''),
    settings: lines.slice(0, begin).join('\n'),
    select: lines.slice(begin).join('\n'),
  };
}

// psql's variables, put into a query for those who know none
function substitute(text, variables) {
  return text.replace(/(?<!:):('?)(\w+)\1/g, (all, quote, name) => {
    if (!(name in variables)) throw new Error(`no variable ${name} in ${text}`);
    return quote ? `'${variables[name]}'` : variables[name];
  });
}

module.exports = { Psql, Engine, readQuery, substitute };
