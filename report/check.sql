-- check.sql
--   Looks up what the report reads, and complains of what is wrong, in one sentence with a hint.
--   scripts/report runs it before data.sql, in the same session.
--
--   The idea: the names of tables and columns come from the caller as texts. The server finds
--   what they name in its catalogue, and returns identifiers in quotes, which data.sql puts into
--   its queries. No text of the caller gets into a query in any other way.
--
--   Everything runs in one read-only transaction with one snapshot: the report changes nothing,
--   works on a standby, and its parts agree while customers order.
--
--   psql variables, all set by scripts/report, empty where the caller said nothing:
--     orders, customer, at, amount, event     the table or view, and its columns
--     members                                 the table or view of members of campaigns
--     from, to, timezone, inactive_after, churned_after, control, campaign_days, currency, call,
--     name                                    see scripts/report --help
--   It sets for data.sql:
--     orders, customer, at, members, members_customer    identifiers
--     time_type, range_type      the type of the time, and of its ranges
--     event_arg, amount_arg      ", event" and ", amount" as arguments of aggregates, or nothing
--     event_value                the event, or a constant
--     amount_value               the amount as a numeric, or NULL
--     is_purchase                the condition that a row is a purchase
--     stratum                    the column of strata of the members, or a constant

\set SHOW_CONTEXT never
\set VERBOSITY default
\encoding UTF8
\pset tuples_only on
\pset format unaligned
\pset null ''

SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- Few large queries: a list of all customers should fit into memory, and is not worth a compiler.
SELECT set_config('work_mem', '128MB', true) AS work_mem
 WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('128MB') \gset
SET LOCAL jit = off;

SELECT set_config('winback_report.wanted', json_build_object(
         'orders', :'orders', 'customer', :'customer', 'at', :'at', 'amount', :'amount',
         'event', :'event', 'members', :'members', 'timezone', :'timezone',
         'inactive_after', :'inactive_after', 'churned_after', :'churned_after',
         'campaign_days', :'campaign_days', 'currency', :'currency', 'call', :'call',
         'from', :'from', 'to', :'to')::text, false) AS wanted \gset

DO $check$
DECLARE
  wanted json := current_setting('winback_report.wanted');
  resolved jsonb := '{}';
  home text;
  what text;
  given text;
  relation regclass;
  kind "char";
  tables text;
  columns text;
  attribute name;
  type oid;
  basetype oid;
  orders_type oid;
  members_type oid;
  length interval;
  lengths interval[];
BEGIN
  -- the extension, which may be in a schema of its own
  SELECT nspname INTO home
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
   WHERE extname = 'winback';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the extension winback is not in the database %', current_database()
      USING ERRCODE = 'undefined_object',
            HINT = CASE WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'winback')
                   THEN 'Create it, as the owner of the database: CREATE EXTENSION winback'
                   ELSE 'Install winback on the server first (make install, or its package), then '
                        'CREATE EXTENSION winback' END;
  END IF;
  PERFORM set_config('search_path',
                     concat_ws(', ', quote_ident(home),
                               nullif(current_setting('search_path'), '')), false);

  -- what may be meant: tables first, the largest of them first
  SELECT string_agg(name, ', ' ORDER BY place) || CASE WHEN count(*) = 12 THEN ', ...' ELSE '' END
    INTO tables
    FROM (SELECT row_number() OVER (ORDER BY relkind NOT IN ('r', 'p'), reltuples DESC, relname)
                   AS place,
                 (CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE quote_ident(nspname) || '.' END)
                 || quote_ident(relname) AS name
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
           WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition
             AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_t'
             AND EXISTS (SELECT FROM pg_attribute
                          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                            AND atttypid IN ('date'::regtype, 'timestamp'::regtype,
                                             'timestamptz'::regtype))
           ORDER BY 1 LIMIT 12) AS candidate;

  -- the tables: as a name just so spelled, or as an identifier of SQL, or as schema.name
  FOREACH what IN ARRAY '{orders,members}'::text[] LOOP
    given := wanted ->> what;
    CONTINUE WHEN given = '' AND what = 'members';
    IF given = '' THEN
      RAISE EXCEPTION 'ORDERS, the table of the orders, is not given'
        USING ERRCODE = 'invalid_parameter_value',
              HINT = coalesce('Tables and views with a column of times: ' || tables || '.',
                              'There is no table with a column of times in this database.');
    END IF;
    relation := to_regclass(quote_ident(given));
    IF relation IS NULL THEN
      BEGIN
        relation := to_regclass(given);
      EXCEPTION WHEN syntax_error OR invalid_name OR feature_not_supported THEN
        NULL;
      END;
    END IF;
    IF relation IS NULL AND strpos(given, '.') > 0 THEN
      relation := to_regclass(quote_ident(split_part(given, '.', 1)) || '.'
                              || quote_ident(substr(given, strpos(given, '.') + 1)));
    END IF;
    IF relation IS NULL THEN
      RAISE EXCEPTION 'there is no table or view "%" in the database %', given, current_database()
        USING ERRCODE = 'undefined_table',
              HINT = coalesce('Tables and views with a column of times: ' || tables || '.',
                              'There is no table with a column of times in this database.');
    END IF;
    SELECT relkind, format('%I.%I', nspname, relname) INTO kind, given
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pg_class.oid = relation;
    IF kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
      RAISE EXCEPTION '% is neither a table nor a view', relation
        USING ERRCODE = 'wrong_object_type',
              HINT = coalesce('Tables and views with a column of times: ' || tables || '.', '');
    END IF;
    resolved := resolved || jsonb_build_object(what, given);
    IF what = 'orders' THEN
      SELECT string_agg(format('%s %s', quote_ident(attname), format_type(atttypid, NULL)), ', '
                        ORDER BY attnum)
        INTO columns
        FROM pg_attribute
       WHERE attrelid = relation AND attnum BETWEEN 1 AND 40 AND NOT attisdropped;
    END IF;

    -- its columns
    FOREACH what IN ARRAY CASE what WHEN 'orders' THEN '{customer,at,amount,event}'
                          ELSE '{campaign,variant,assigned_at,members_customer,stratum}' END::text[]
    LOOP
      given := coalesce(wanted ->> what, what);
      CONTINUE WHEN given = '' AND what IN ('amount', 'event');
      IF given = '' THEN
        RAISE EXCEPTION '%, the column of %, is not given', upper(what),
          CASE what WHEN 'at' THEN 'the time of an order' ELSE 'the customer' END
          USING ERRCODE = 'invalid_parameter_value',
                HINT = format('The columns of %s are %s.', relation, columns);
      END IF;
      SELECT attname, atttypid INTO attribute, type
        FROM pg_attribute,
             unnest(CASE WHEN what = 'members_customer'
                         THEN ARRAY[resolved ->> 'customer_name', 'customer_id', 'customer']
                         ELSE ARRAY[given, lower(given), substring(given, '^"(.*)"$')] END)
               WITH ORDINALITY AS spelling (name, preference)
       WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname = name
       ORDER BY preference LIMIT 1;
      IF NOT FOUND AND what = 'stratum' THEN
        resolved := resolved || '{"stratum": "1"}';
        CONTINUE;
      ELSIF NOT FOUND AND resolved ? 'members' THEN
        RAISE EXCEPTION 'the members of campaigns, %, have no column %', relation,
          CASE what WHEN 'members_customer' THEN quote_ident(resolved ->> 'customer_name')
                    ELSE what END
          USING ERRCODE = 'undefined_column',
                HINT = 'They need the columns campaign, variant, assigned_at and the customer; '
                       'a view can give columns these names.';
      ELSIF NOT FOUND THEN
        RAISE EXCEPTION 'there is no column "%" in %', given, relation
          USING ERRCODE = 'undefined_column',
                HINT = format('Its columns are %s.%s', columns,
                              CASE WHEN given ~ '[():+]' THEN
                              ' Expressions need a view.' ELSE '' END);
      END IF;
      IF NOT has_column_privilege(relation, attribute, 'SELECT') THEN
        RAISE EXCEPTION '% may not read the column % of %', current_user, quote_ident(attribute),
          relation
          USING ERRCODE = 'insufficient_privilege',
                HINT = format('Its owner can allow it: GRANT SELECT ON %s TO %I', relation,
                              current_user);
      END IF;
      basetype := type;
      WHILE (SELECT typtype = 'd' FROM pg_type WHERE oid = basetype) LOOP
        basetype := (SELECT typbasetype FROM pg_type WHERE oid = basetype);
      END LOOP;

      IF what IN ('at', 'assigned_at')
         AND basetype NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
        RAISE EXCEPTION 'the column % of % is of the type %, so it is no time',
          quote_ident(attribute), relation, format_type(type, NULL)
          USING ERRCODE = 'datatype_mismatch',
                HINT = format('The columns of %s are %s. To convert one, use a view with %s.',
                              relation, columns,
                              CASE WHEN basetype IN ('int4'::regtype, 'int8'::regtype,
                                                     'numeric'::regtype, 'float8'::regtype)
                              THEN format('to_timestamp(%I)', attribute)
                              ELSE format('%I::timestamptz', attribute) END);
      ELSIF what = 'amount'
            AND basetype NOT IN ('numeric'::regtype, 'int2'::regtype, 'int4'::regtype,
                                 'int8'::regtype, 'float4'::regtype, 'float8'::regtype,
                                 'money'::regtype) THEN
        RAISE EXCEPTION 'the column % of % is of the type %, so it is no amount',
          quote_ident(attribute), relation, format_type(type, NULL)
          USING ERRCODE = 'datatype_mismatch',
                HINT = format('The columns of %s are %s. To convert one, use a view with '
                              '%I::numeric.', relation, columns, attribute);
      ELSIF what = 'event'
            AND (SELECT typname <> 'lifecycle_event' AND typcategory NOT IN ('S', 'E')
                   FROM pg_type WHERE oid = basetype) THEN
        RAISE EXCEPTION 'the column % of % is of the type %, so it is no event',
          quote_ident(attribute), relation, format_type(type, NULL)
          USING ERRCODE = 'datatype_mismatch',
                HINT = 'It must contain the texts purchase, cancellation, interest or adjustment.';
      END IF;

      CASE what
        WHEN 'customer' THEN
          orders_type := basetype;
          resolved := resolved || jsonb_build_object('customer', quote_ident(attribute),
                                               'customer_name', attribute);
        WHEN 'members_customer' THEN
          IF basetype <> orders_type
             AND (SELECT string_agg(typcategory::text, '') FROM pg_type
                   WHERE oid IN (basetype, orders_type)) NOT IN ('NN', 'SS') THEN
            RAISE EXCEPTION 'a customer is of the type % in %, and of the type % in the orders',
              format_type(basetype, NULL), relation, format_type(orders_type, NULL)
              USING ERRCODE = 'datatype_mismatch', HINT = 'Convert one of them in a view.';
          END IF;
          resolved := resolved || jsonb_build_object(what, quote_ident(attribute));
        WHEN 'at' THEN
          resolved := resolved || jsonb_build_object('at', quote_ident(attribute),
            'time_type', CASE basetype WHEN 'date'::regtype THEN 'date'
                              WHEN 'timestamp'::regtype THEN 'timestamp' ELSE 'timestamptz' END,
            'range_type', CASE basetype WHEN 'date'::regtype THEN 'daterange'
                               WHEN 'timestamp'::regtype THEN 'tsrange' ELSE 'tstzrange' END);
        WHEN 'amount' THEN
          resolved := resolved || jsonb_build_object('amount_value',
            CASE WHEN type = 'numeric'::regtype THEN quote_ident(attribute)
                 ELSE format('%I::numeric', attribute) END);
        WHEN 'event' THEN
          resolved := resolved || jsonb_build_object('event_value',
            CASE WHEN (SELECT typname FROM pg_type WHERE oid = type) = 'lifecycle_event'
                 THEN quote_ident(attribute)
                 ELSE format('%I::text::lifecycle_event', attribute) END);
        WHEN 'stratum' THEN
          resolved := resolved || jsonb_build_object(what, quote_ident(attribute));
        ELSE
          NULL;
      END CASE;
    END LOOP;
  END LOOP;

  -- the other options
  BEGIN
    PERFORM set_config('TimeZone', wanted ->> 'timezone', false);
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'TIMEZONE=% is no time zone', wanted ->> 'timezone'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a name such as Europe/Berlin or UTC; SELECT name FROM pg_timezone_names '
                   'lists them.';
  END;
  FOREACH what IN ARRAY '{inactive_after,churned_after}'::text[] LOOP
    given := wanted ->> what;
    what := upper(split_part(what, '_', 1));
    BEGIN
      length := given::interval;
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION '%=% is no length of time', what, given
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Write it as ''90 days'' or ''6 months''.';
    END;
    IF extract(epoch FROM length) NOT BETWEEN 86400 AND 86400 * 36525::bigint
       OR extract(hour FROM length) <> 0 OR extract(minute FROM length) <> 0
       OR extract(second FROM length) <> 0 THEN
      RAISE EXCEPTION '%=% is %, not a number of days, months or years', what, given, length
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Write it as ''90 days'' or ''6 months''.';
    END IF;
    lengths := lengths || length;
  END LOOP;
  IF lengths[2] < lengths[1] THEN
    RAISE EXCEPTION 'CHURNED=% is shorter than INACTIVE=%', lengths[2], lengths[1]
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A customer is inactive first, and churned after a longer silence.';
  END IF;
  FOREACH what IN ARRAY '{from,to}'::text[] LOOP
    given := wanted ->> what;
    BEGIN
      PERFORM given::date WHERE given <> '';
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION '%=% is no day', upper(what), given
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Write the first day of a month, as 2024-01-01.';
    END;
  END LOOP;
  IF wanted ->> 'currency' !~ '^([A-Z]{3})?$' THEN
    RAISE EXCEPTION 'CURRENCY=% is no code of a currency', wanted ->> 'currency'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use the three capital letters of ISO 4217, such as EUR or USD.';
  END IF;
  IF wanted ->> 'campaign_days' !~ '^[1-9][0-9]{0,3}$' THEN
    RAISE EXCEPTION 'CAMPAIGN_DAYS=% is no number of days', wanted ->> 'campaign_days'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a whole number from 1 to 9999.';
  END IF;
  IF wanted ->> 'call' !~ '^[0-9]{1,4}$' THEN
    RAISE EXCEPTION 'CALL=% is no number of customers', wanted ->> 'call'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a whole number from 0 to 9999; 0 leaves out the list of customers.';
  END IF;

  PERFORM set_config('winback_report.resolved', resolved::text, false);
END
$check$;

SELECT resolved ->> 'orders' AS orders, resolved ->> 'customer' AS customer,
       resolved ->> 'at' AS at,
       resolved ->> 'time_type' AS time_type, resolved ->> 'range_type' AS range_type,
       coalesce(', ' || (resolved ->> 'event_value'), '') AS event_arg,
       coalesce(resolved ->> 'event_value', 'lifecycle_event ''purchase''') AS event_value,
       coalesce((resolved ->> 'event_value') || ' = ''purchase''', 'true') AS is_purchase,
       coalesce(', ' || (resolved ->> 'amount_value'), '') AS amount_arg,
       coalesce(resolved ->> 'amount_value', 'NULL::numeric') AS amount_value,
       coalesce(resolved ->> 'members',
                format('(SELECT NULL::text AS campaign, %s AS customer, NULL::text AS variant, '
                       'NULL::date AS assigned_at FROM %s WHERE false)',
                       resolved ->> 'customer', resolved ->> 'orders')) AS members,
       coalesce(resolved ->> 'members_customer', 'customer') AS members_customer,
       coalesce(resolved ->> 'stratum', '1') AS stratum,
       resolved ? 'members' AS has_members
  FROM (SELECT current_setting('winback_report.resolved')::jsonb AS resolved) AS looked_up \gset
