// node_pg.js
//   node-pg binds all parameters as text of unknown type, and a number as its digits. It
//   reads results as text; its option "binary" decodes all values as UTF-8, which spoils
//   them. For intervals it has postgres-interval, and it has no ranges.
'use strict';

const { Client, types } = require('pg');
const interval = require('postgres-interval');

const text = {
  period: '[2024-04-01,2024-07-01)',
  local: '[2024-04-01,2024-07-01)',
  days: '[2024-04-01,2024-07-01)',
  as_of: '2024-04-01 00:00:00+00',
  inactive_after: '90 days',
  churned_after: '180 days',
  lost_after: '326 days',
  never: null,
  step: '30 days',
  status: 'won_back',
  statuses: '{won_back,new}',
  event: 'cancellation',
  tally: '1/2',
  from_date: '2024-04-01',
  to_date: '2024-06-30',
  number: 90,
  text_90: '90',
  number_90: 90,
};
const own = {
  ...text,
  as_of: new Date('2024-04-01T00:00:00Z'),
  inactive_after: interval('90 days'),
  churned_after: interval('180 days'),
  lost_after: interval('326 days'),
  step: interval('30 days'),
  statuses: ['won_back', 'new'],
};

const utc = (date) => date.toISOString().replace('T', ' ').replace('.000Z', '+00');
// a value as PostgreSQL shows it in UTC
function show(value) {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Date) return utc(value);
  if (value.toPostgres) {
    const clock = [value.hours, value.minutes, value.seconds]
      .map((number) => String(number ?? 0).padStart(2, '0')).join(':');
    return `${value.days ?? 0} days` + (clock === '00:00:00' ? '' : ` ${clock}`);
  }
  return String(value);
}

// node-pg makes an instant of a date
types.setTypeParser(types.builtins.DATE, String);

async function ask(title, values, questions) {
  let warnings = [];
  const client = new Client();
  client.on('notice', (notice) => warnings.push(`${notice.severity}: ${notice.message}`));
  await client.connect();
  console.log(`== ${title}`);
  for (const [name, sql] of questions) {
    const parameters = [];
    const numbered = sql.replace(/\{(\w+)\}/g, (_, parameter) => {
      parameters.push(values[parameter]);
      return `$${parameters.length}`;
    });
    warnings = [];
    console.log(`# ${name}`);
    try {
      const result = await client.query({ text: numbered, values: parameters, rowMode: 'array' });
      for (const warning of warnings) console.log(warning);
      for (const row of result.rows) console.log(row.map(show).join('|'));
    } catch (error) {
      console.log(`ERROR ${error.code}`);
    }
  }
  await client.end();
}

async function main() {
  const questions = require('fs').readFileSync(0, 'utf8').trimEnd().split('\n')
    .map((line) => line.split('\t'));
  await ask('own types', own, questions);
  await ask('text, and {days: 90} for 90', { ...text, number_90: { days: 90 } }, questions);
}

main();
