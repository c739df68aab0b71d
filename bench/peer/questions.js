// questions.js
//   The table of questions that analysts ask of a shop (shop.sql), with the queries
//   of all contenders, and the limits of winback's time.
//
//   The idea: the queries of plain SQL and DuckDB are the same text, in the part of
//   SQL that both engines understand (DuckDB wants the column "at" in quotes). So a
//   question is a few lines: the query with winback, the text of the others, and the
//   query that only counts the rows.
//
//     {name, title, limits, variables,
//      forms: {winback: [[title, query]...], executor, plain, duckdb, count, rate}}
//
//   The contenders count and rate are no answers to the question, but what its limits
//   refer to: count(*) with the same WHERE, and the rate of the whole table.
'use strict';

// ------------------------------------------------------- the text of queries

const lines = (...parts) => parts.filter(part => part).join('\n');

// A query over the facts of each customer. Three bits are the facts: an order long before
// the period, just before it, and in it.
const bits = `bit_or(CASE WHEN ordered_at < :'inactive_from' THEN 1::int2
    WHEN ordered_at < :'from' THEN 2::int2 ELSE 4::int2 END) AS bits`;
const facts = (keys, from, where) => lines(
  `SELECT ${keys}, ${bits}`, `FROM ${from}`, "WHERE ordered_at < :'to'", where && `  AND ${where}`,
  `GROUP BY ${keys}`);
const returned = 'count(*) FILTER (WHERE bits = 5)';
const eligible = 'count(*) FILTER (WHERE bits IN (1, 5))';
const tally = (group, from, where) => lines(
  `SELECT ${group ? `${group}, ` : ''}${returned}::float8
  / nullif(${eligible}, 0) AS rate`,
  `FROM ${from}`, where && `WHERE ${where}`,
  group && lines(`GROUP BY ${group}`, `ORDER BY ${group}`));
const sub = (query, name = 'customer_facts') => `(${query}) AS ${name}`;

const rate = (customer, group, from, where) => lines(
  `SELECT ${group ? `${group}, ` : ''}reactivation_rate(${customer}, ordered_at, :'period',
    :'inactive_after') AS rate`,
  `FROM ${from}`, where && `WHERE ${where}`,
  group && lines(`GROUP BY ${group}`, `ORDER BY ${group}`));
const count = (from, where) => lines('SELECT count(*)', `FROM ${from}`, where && `WHERE ${where}`);

const joined = 'orders JOIN customers USING (customer_id)';

// The number of the month of an instant, from 0 in the first month of the series.
const month = at => `(date_part('year', ${at}) * 12
      + date_part('month', ${at}))::int4 - :first_month`;

// The reactivation of each month, from three bits for each month and customer: bought in the
// month, active at its beginning, and known at its beginning. A 64-bit integer holds them for
// up to 62 months.
const seriesByBits = group => {
  const keys = group ? `${group}, customer_id` : 'customer_id';
  const key = group ? `${group}, ` : '';
  return `WITH placed AS (
  SELECT ${keys}, ${month('ordered_at')} AS i,
    ${month("ordered_at + interval '90 days'")} AS j
  FROM orders
  WHERE ordered_at < :'series_to'
), masked AS (
  -- known from month i + 1 on, and active until month j
  SELECT ${keys}, CASE WHEN i >= 0 THEN 1::int8 << greatest(i, 0) ELSE 0 END AS bought,
    (1::int8 << greatest(i + 1, 0)) - 1 AS unknown,
    (1::int8 << greatest(least(j + 1, :periods), 0)) - (1::int8 << greatest(i + 1, 0)) AS active
  FROM placed
), customer AS (
  SELECT ${keys}, bit_or(bought) AS bought,
    ~(bit_and(unknown) | bit_or(active)) & ((1::int8 << :periods) - 1) AS eligible
  FROM masked
  GROUP BY ${keys}
)
SELECT ${key}place, count(*) FILTER (WHERE ((eligible & bought) >> place) & 1 = 1) || '/'
    || count(*) FILTER (WHERE (eligible >> place) & 1 = 1)
FROM customer CROSS JOIN generate_series(0, :periods - 1) AS places(place)
GROUP BY ${key}place
ORDER BY ${key}place`;
};

// The same from the silences of each customer, counted by the periods in which they begin to
// count and in which they end. silence is a query that returns the instant after which the
// customer is inactive, and the next purchase.
const seriesBySilences = (group, silence) => {
  const key = group ? `${group}, ` : '';
  return `WITH silence AS (
  ${silence}
), counted AS (
  -- the customer is eligible in the months a to b - 1, and returns, if ever, in b - 1
  SELECT ${key}greatest(${month('inactive')} + 1, 0) AS a,
    greatest(coalesce(${month('next')} + 1, :periods), 0) AS b, next IS NOT NULL AS returned
  FROM silence
  WHERE next IS NULL OR next > inactive
), change AS (
  SELECT ${key}a AS place, count(*) AS eligible, 0 AS returned FROM counted WHERE a < b
  GROUP BY ${key}a
  UNION ALL
  SELECT ${key}b, -count(*), 0 FROM counted WHERE a < b GROUP BY ${key}b
  UNION ALL
  SELECT ${key}b - 1, 0, count(*) FROM counted WHERE a < b AND returned GROUP BY ${key}b
  UNION ALL
  SELECT ${key}place, 0, 0
  FROM generate_series(0, :periods - 1) AS places(place)
    ${group ? `CROSS JOIN (SELECT DISTINCT ${group} FROM orders) AS groups` : ''}
), series AS (
  SELECT ${key}place, sum(returned) AS returned,
    sum(sum(eligible)) OVER (${group ? `PARTITION BY ${group} ` : ''}ORDER BY place) AS eligible
  FROM change
  GROUP BY ${key}place
)
SELECT ${key}place, returned || '/' || eligible
FROM series
WHERE place < :periods
ORDER BY ${key}place`;
};
const silencesOfOrders = group => `SELECT ${group ? `${group}, ` : ''}
    ordered_at + interval '90 days' AS inactive,
    lead(ordered_at) OVER (PARTITION BY ${group ? `${group}, ` : ''}customer_id
      ORDER BY ordered_at) AS next
  FROM orders
  WHERE ordered_at < :'series_to'`;
// A silence begins with a purchase, and counts 90 days later or from the first cancellation
// on. A cancellation at the instant of a purchase is after it. Each customer of the view has
// a purchase before the first cancellation, so there are no prospects.
const silencesOfEvents = `SELECT least("at" + interval '90 days', ended) AS inactive, next
  FROM (SELECT "at", event, min(CASE WHEN event = 'purchase' THEN "at" END) OVER later AS next,
      min(CASE WHEN event = 'cancellation' THEN "at" END) OVER later AS ended
    FROM customer_events
    WHERE "at" < :'series_to'
    WINDOW later AS (PARTITION BY customer_id ORDER BY "at" DESC, event = 'purchase'
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS silences
  WHERE event = 'purchase'`;

const series = (args, from, group) => {
  const key = group ? `${group}, ` : '';
  return `SELECT ${key}ordinality - 1 AS place, reactivation
FROM (SELECT ${key}lifecycle_series(customer_id, ${args}, :'series', :'step', '90 days',
      '1 year') AS months
    FROM ${from}
    ${group ? `GROUP BY ${group}` : ''}) AS groups,
  unnest(months) WITH ORDINALITY
ORDER BY ${key}place`;
};

// The revenue of each month by the status of its customer. The last order before the month
// decides the status, and it is the last order of the customer's last month before.
const revenue = `SELECT month::date::varchar, ${['is_new', 'retained', 'reactivated', 'won_back']
  .map(status => `coalesce(sum(amount) FILTER (WHERE ${status}), 0)::decimal(20,2)::varchar`)
  .join(',\n  ')}
FROM (SELECT month, amount, last IS NULL AS is_new,
    last >= month - interval '90 days' AS retained,
    last < month - interval '90 days' AND last >= month - interval '1 year' AS reactivated,
    last < month - interval '1 year' AS won_back
  FROM (SELECT month, sum(amount) AS amount,
      lag(max(ordered_at)) OVER (PARTITION BY customer_id ORDER BY month) AS last
    FROM (SELECT customer_id, ordered_at, amount, date_trunc('month', ordered_at) AS month
      FROM orders
      WHERE ordered_at >= :'series_from' AND ordered_at < :'series_to') AS orders_by_month
    GROUP BY customer_id, month) AS months) AS judged
GROUP BY month
ORDER BY month`;

// The list of customers, brought down to the number of customers by status, so that few rows
// are sent.
const list = (query, epoch) => `SELECT before::varchar, after::varchar, count(*), sum(orders),
  ${epoch('max(last)')}, sum(revenue)::decimal(20,2)::varchar
FROM (${query}) AS list
GROUP BY before, after
ORDER BY 1, 2`;
const standing = (last, at) => `CASE WHEN ${last} < :'churned_${at}' THEN 'churned'
      WHEN ${last} < :'inactive_${at}' THEN 'inactive' WHEN ${last} < :'${at}' THEN 'active' END`;
const plainList = `SELECT customer_id, orders, last, revenue,
    ${standing('last_before', 'from')} AS before,
    CASE WHEN NOT bought THEN ${standing('last_before', 'to')}
      WHEN last_before IS NULL THEN 'new' WHEN last_before < :'churned_from' THEN 'won_back'
      WHEN last_before < :'inactive_from' THEN 'reactivated' ELSE 'active' END AS after
  FROM (SELECT customer_id, count(*) AS orders, max(ordered_at) AS last, sum(amount) AS revenue,
      max(ordered_at) FILTER (WHERE ordered_at < :'from') AS last_before,
      coalesce(bool_or(ordered_at >= :'from' AND ordered_at < :'to'), false) AS bought
    FROM orders
    GROUP BY customer_id) AS customer_facts`;
const epochs = {
  postgresql: at => `(extract(epoch FROM ${at}) * 1000000)::int8`,
  duckdb: at => `epoch_us(${at})`,
};

// The rate from events. Each customer who is known before the period is eligible, unless the
// last event before it is a purchase and lies in the 90 days before it.
const plainEvents = `SELECT count(*) FILTER (WHERE bought)::float8 / nullif(count(*), 0) AS rate
FROM (SELECT max(CASE WHEN event = 'purchase' AND "at" < :'from' THEN "at" END) AS purchased,
    max(CASE WHEN event = 'cancellation' AND "at" < :'from' THEN "at" END) AS cancelled,
    max(CASE WHEN event = 'purchase' THEN "at" END) >= :'from' AS bought
  FROM customer_events
  WHERE "at" < :'to'
  GROUP BY customer_id) AS customer_facts
WHERE purchased < :'inactive_from' OR cancelled >= purchased
  OR (purchased IS NULL AND cancelled IS NOT NULL)`;

const digest = query => `SELECT count(*), sum((segment + 1) * (1000003 * returned + eligible))
FROM (${query}) AS tallies`;
const segments = source => digest(`SELECT segment, ${returned} AS returned, ${eligible} AS eligible
  FROM ${source}
  GROUP BY segment`);

// -------------------------------------------------------- the table of questions

// A limit is the greatest ratio of winback's time to that of another contender with as many
// processes. The limit 'peer' is that of most questions: 1.0 times DuckDB, or 1.2 times
// count(*) if count(*) takes longer than DuckDB's whole answer.
const peer = { of: 'peer' };
const times = (factor, of) => ({ factor, of });

// question(NAME, TITLE, LIMITS, WINBACK, OTHERS, COUNT, VARIABLES): OTHERS are the forms of
// plain SQL and of DuckDB, {title: query}, or {plain, duckdb} with the forms of each
function question(name, title, limits, winback, others, counted, variables = {}) {
  const { plain, duckdb } = others.plain ? others : { plain: others, duckdb: others };
  const own = { winback };
  const forms = { winback: own, executor: own, plain, duckdb, count: { 'count(*)': counted } };
  if (limits.some(limit => limit.of === 'rate')) {
    forms.rate = { 'whole table': rate('customer_id', '', 'orders') };
  }
  return { name, title, limits, forms, variables };
}

// questions(CUSTOMERS, MONTHS): the questions to a shop of so many customers. MONTHS(n) returns
// the variables of a series of n months that ends with the data.
module.exports = (customers, months) => [
  question('whole', 'whole table', [peer],
    rate('customer_id', '', 'orders'),
    { 'three bits a customer': tally('', sub(facts('customer_id', 'orders'))) },
    count('orders')),
  ...['channel', 'store'].map(group => question(group,
    `GROUP BY ${group}, ${group === 'channel' ? 4 : '2,000'} groups`, [peer],
    rate('customer_id', group, 'orders'),
    { 'three bits a customer': tally(group, sub(facts(`${group}, customer_id`, 'orders'))) },
    count('orders'))),
  question('country', 'JOIN customers, GROUP BY country', [peer],
    rate('customer_id', 'country', joined),
    {
      'facts first': tally('country',
        `${sub(facts('customer_id', 'orders'))} JOIN customers USING (customer_id)`),
      'join first': tally('country', sub(facts('country, customer_id', joined))),
    },
    count('orders')),
  question('where', "WHERE channel = 'email'", [peer],
    rate('customer_id', '', 'orders', "channel = 'email'"),
    {
      'three bits a customer':
        tally('', sub(facts('customer_id', 'orders', "channel = 'email'"))),
    },
    count('orders', "channel = 'email'")),
  question('join_where', "JOIN customers, WHERE country = 'DE'", [peer],
    rate('customer_id', '', joined, "country = 'DE'"),
    {
      'join first': tally('', sub(facts('customer_id', joined, "country = 'DE'"))),
      'facts first': tally('',
        `${sub(facts('customer_id', 'orders'))} JOIN customers USING (customer_id)`,
        "country = 'DE'"),
    },
    count('orders')),
  question('email', 'text customer of 32 bytes from the join', [times(1, 'duckdb')],
    rate('email', '', joined),
    {
      'facts first': tally('', sub(lines('SELECT email, bit_or(bits) AS bits',
        `FROM ${sub(facts('customer_id', 'orders'), 'order_facts')}`,
        '  JOIN customers USING (customer_id)', 'GROUP BY email'))),
      'join first': tally('', sub(facts('email', joined))),
    },
    count('orders')),
  question('list', 'list per customer, counted by status', [peer],
    list(`SELECT customer_id, lifecycle_at(ordered_at, :'from', :'inactive_after',
      :'churned_after') AS before,
    lifecycle_during(ordered_at, :'period', :'inactive_after', :'churned_after') AS after,
    count(*) AS orders, max(ordered_at) AS last, sum(amount) AS revenue
  FROM orders
  GROUP BY customer_id`, epochs.postgresql),
    {
      plain: { 'CASE over the last orders': list(plainList, epochs.postgresql) },
      duckdb: { 'CASE over the last orders': list(plainList, epochs.duckdb) },
    },
    count('orders')),
  question('months', '12 months, GROUP BY channel', [peer],
    series('ordered_at', 'orders', 'channel'),
    {
      'bits of each month': seriesByBits('channel'),
      'silences, by lead()': seriesBySilences('channel', silencesOfOrders('channel')),
    },
    count('orders'), months(12)),
  question('series', '60 months', [peer, times(1.5, 'rate')],
    series('ordered_at', 'orders'),
    {
      'bits of each month': seriesByBits(''),
      'silences, by lead()': seriesBySilences('', silencesOfOrders('')),
    },
    count('orders'), months(60)),
  question('amounts', '60 months with amounts', [peer, times(3, 'rate')],
    `SELECT starts_on, ${['new', 'retained', 'reactivated', 'won_back']
      .map(status => `revenue_${status}::decimal(20,2)`).join(', ')}
FROM unnest((SELECT lifecycle_series(customer_id, ordered_at, amount, :'series', :'step',
    '90 days', '1 year')
  FROM orders))
WHERE revenue_new + revenue_retained + revenue_reactivated + revenue_won_back > 0
ORDER BY starts_on`,
    { 'revenue of each customer and month, by lag()': revenue },
    count('orders'), months(60)),
  question('events', 'events through the view', [times(2.5, 'count')],
    `SELECT reactivation_rate(customer_id, at, event, :'period', :'inactive_after') AS rate
FROM customer_events`,
    { 'last purchase and cancellation': plainEvents },
    count('customer_events')),
  question('events_series', '60 months with events, through the view', [times(2.5, 'count')],
    series('at, event', 'customer_events'),
    { 'silences, by min() OVER': seriesBySilences('', silencesOfEvents) },
    count('customer_events'), months(60)),
  question('segments', `GROUP BY segment, ${(customers / 50).toLocaleString('en-US')} groups of `
    + '50 customers', [times(2.5, 'rate')],
    digest(`SELECT segment, returned(tally), eligible(tally)
  FROM (SELECT segment, reactivation_tally(customer_id, ordered_at, :'period', :'inactive_after')
      AS tally
    FROM orders
    GROUP BY segment) AS groups`),
    {
      'segment of each customer': segments(sub(facts('customer_id', 'orders')
        .replace('SELECT customer_id', 'SELECT min(segment) AS segment'))),
      'GROUP BY segment and customer': segments(sub(facts('segment, customer_id', 'orders'))),
    },
    count('orders')),
];
