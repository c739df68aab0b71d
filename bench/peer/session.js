// session.js
//   Sessions in PostgreSQL, DuckDB and ClickHouse that stay open, so that a time
//   is that of a query, without the start of a program or a connection. Each is a
//   process that takes requests from its standard input, one at a time: psql for
//   PostgreSQL, engine.js for the others.
//
//     run(query, processes)  {lines, seconds}: rows as text, columns separated by |
//     peak()                 the peak resident memory of the working process, in bytes
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
    readline.createInterface({ input: this.child.stdout })
      .on('line', line => this.waiting && this.waiting.line(line));
    this.ended = new Promise(resolve => {
      const end = cause => {
        this.gone = true;
        if (this.waiting) {
          const complaints = this.complaints.trim();
          this.waiting.reject(new Error(`${command} ended (${cause}): ${complaints}`));
        }
        resolve();
      };
      this.child.on('error', error => end(error.message));
      this.child.on('close', (code, signal) => end(signal || code));
    });
  }

  // sends text, and reads lines until take(line) returns true
  ask(text, take) {
    return new Promise((resolve, reject) => {
      if (this.gone) {
        reject(new Error(`the session has ended: ${this.complaints.trim()}`));
        return;
      }
      const line = text => {
        if (take(text)) {
          this.waiting = null;
          resolve();
        }
      };
      this.waiting = { line, reject };
      this.child.stdin.write(text);
    });
  }

  async close() {
    this.child.stdin.end();
    await this.ended;
  }
}

// settings for a query in two processes: the leader and a worker. The first setting allows a
// worker, and leaves the choice to the planner; all of them together make it choose one.
const parallel = [
  'max_parallel_workers_per_gather = 1', 'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
  'min_parallel_table_scan_size = 0',
].map(setting => `SET ${setting};`);
const settingsOfTwo = chosen => (chosen ? parallel.slice(0, 1) : parallel).join('\n');

class Psql extends Session {
  constructor(psql) {
    super(psql[0], psql.slice(1));
  }

  // Runs a script in psql. Returns the lines that it prints, and the time of its last
  // statement. Settings are reset at its end.
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

  settings(query, processes) {
    return `${processes === 2 ? settingsOfTwo(query.chosen) : ''}\n${query.settings}`;
  }

  run(query, processes) {
    return this.script(`${this.settings(query, processes)}\n\\timing on\n${query.select}`);
  }

  async plan(query, processes) {
    const { lines } = await this.script(
      `${this.settings(query, processes)}\nEXPLAIN ${query.select}`);
    return lines.join('\n');
  }

  async peak() {
    const { lines } = await this.script(`
      SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s+(\\d+) kB'))[1];`);
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
      // a library may print other lines, which are no answer
      if (!line.startsWith('{"')) return false;
      answer = JSON.parse(line);
      return true;
    });
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  async run(query, processes) {
    const sql = [...this.prelude(processes), query.select];
    const { rows, seconds } = await this.request({ sql });
    return { lines: rows.map(row => row.join('|')), seconds };
  }

  async peak() { return (await this.request({ peak: true })).bytes; }
}

// Reads a file of queries/ into {title, settings, select}. Follows \ir, as psql does.
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

// Replaces the variables of psql in a query for the other engines.
function substitute(text, variables) {
  return text.replace(/(?<!:):('?)(\w+)\1/g, (all, quote, name) => {
    if (!(name in variables)) throw new Error(`no variable ${name} in ${text}`);
    return quote ? `'${variables[name]}'` : variables[name];
  });
}

module.exports = { Psql, Engine, readQuery, substitute };
