SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA kpi;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE kpi.findings_rows (
    part_id bigint,
    period integer,
    "position" bigint,
    message integer
);
CREATE TABLE kpi.parts (
    id bigint NOT NULL,
    "table" text NOT NULL,
    system text NOT NULL,
    period text,
    valid_from bigint NOT NULL,
    valid_to bigint
);
CREATE TABLE kpi.texts (
    id integer NOT NULL,
    text text NOT NULL
);
CREATE VIEW kpi.findings AS
 SELECT w.system,
    t1.text AS period,
    w."position",
    t3.text AS message
   FROM ((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            r.period,
            r."position",
            r.message
           FROM (kpi.findings_rows r
             JOIN kpi.parts p ON ((p.id = r.part_id)))
          WHERE (p.valid_to IS NULL)) w
     LEFT JOIN kpi.texts t1 ON ((t1.id = w.period)))
     LEFT JOIN kpi.texts t3 ON ((t3.id = w.message)));
CREATE VIEW kpi.findings_history AS
 SELECT w.valid_from,
    w.valid_to,
    w.system,
    t1.text AS period,
    w."position",
    t3.text AS message
   FROM ((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            r.period,
            r."position",
            r.message
           FROM (kpi.findings_rows r
             JOIN kpi.parts p ON ((p.id = r.part_id)))) w
     LEFT JOIN kpi.texts t1 ON ((t1.id = w.period)))
     LEFT JOIN kpi.texts t3 ON ((t3.id = w.message)));
CREATE TABLE kpi.indicators_axis (
    part_id bigint,
    height bigint,
    indicator integer[],
    title integer[],
    unit integer[],
    target double precision[],
    reached boolean[]
);
CREATE TABLE kpi.indicators_grid (
    part_id bigint,
    "position" bigint,
    entity integer,
    value double precision[],
    rank bigint[]
);
CREATE TABLE kpi.indicators_rows (
    part_id bigint,
    "position" bigint,
    entity integer,
    indicator integer,
    title integer,
    unit integer,
    value double precision,
    target double precision,
    reached boolean,
    rank bigint
);
CREATE VIEW kpi.indicators AS
 SELECT w.system,
    w.period,
    w."position",
    t3.text AS entity,
    t4.text AS indicator,
    t5.text AS title,
    t6.text AS unit,
    w.value,
    w.target,
    w.reached,
    w.rank
   FROM ((((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            p.period,
            r."position",
            r.entity,
            r.indicator,
            r.title,
            r.unit,
            r.value,
            r.target,
            r.reached,
            r.rank
           FROM (kpi.indicators_rows r
             JOIN kpi.parts p ON ((p.id = r.part_id)))
          WHERE (p.valid_to IS NULL)) w
     LEFT JOIN kpi.texts t3 ON ((t3.id = w.entity)))
     LEFT JOIN kpi.texts t4 ON ((t4.id = w.indicator)))
     LEFT JOIN kpi.texts t5 ON ((t5.id = w.title)))
     LEFT JOIN kpi.texts t6 ON ((t6.id = w.unit)))
UNION ALL
 SELECT w.system,
    w.period,
    w."position",
    w.entity,
    t4.text AS indicator,
    t5.text AS title,
    t6.text AS unit,
    w.value,
    w.target,
    w.reached,
    w.rank
   FROM (((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            p.period,
            generate_series(r."position", ((r."position" + a.height) - 1)) AS "position",
            k.text AS entity,
            unnest(COALESCE(a.indicator)) AS indicator,
            unnest(COALESCE(a.title)) AS title,
            unnest(COALESCE(a.unit)) AS unit,
            unnest(COALESCE(r.value)) AS value,
            unnest(COALESCE(a.target)) AS target,
            unnest(COALESCE(a.reached)) AS reached,
            unnest(COALESCE(r.rank)) AS rank
           FROM (((kpi.indicators_grid r
             JOIN kpi.indicators_axis a ON ((a.part_id = r.part_id)))
             JOIN kpi.parts p ON ((p.id = r.part_id)))
             JOIN kpi.texts k ON ((k.id = r.entity)))
          WHERE (p.valid_to IS NULL)) w
     LEFT JOIN kpi.texts t4 ON ((t4.id = w.indicator)))
     LEFT JOIN kpi.texts t5 ON ((t5.id = w.title)))
     LEFT JOIN kpi.texts t6 ON ((t6.id = w.unit)));
CREATE VIEW kpi.indicators_history AS
 SELECT w.valid_from,
    w.valid_to,
    w.system,
    w.period,
    w."position",
    t3.text AS entity,
    t4.text AS indicator,
    t5.text AS title,
    t6.text AS unit,
    w.value,
    w.target,
    w.reached,
    w.rank
   FROM ((((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            p.period,
            r."position",
            r.entity,
            r.indicator,
            r.title,
            r.unit,
            r.value,
            r.target,
            r.reached,
            r.rank
           FROM (kpi.indicators_rows r
             JOIN kpi.parts p ON ((p.id = r.part_id)))) w
     LEFT JOIN kpi.texts t3 ON ((t3.id = w.entity)))
     LEFT JOIN kpi.texts t4 ON ((t4.id = w.indicator)))
     LEFT JOIN kpi.texts t5 ON ((t5.id = w.title)))
     LEFT JOIN kpi.texts t6 ON ((t6.id = w.unit)))
UNION ALL
 SELECT w.valid_from,
    w.valid_to,
    w.system,
    w.period,
    w."position",
    w.entity,
    t4.text AS indicator,
    t5.text AS title,
    t6.text AS unit,
    w.value,
    w.target,
    w.reached,
    w.rank
   FROM (((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            p.period,
            generate_series(r."position", ((r."position" + a.height) - 1)) AS "position",
            k.text AS entity,
            unnest(COALESCE(a.indicator)) AS indicator,
            unnest(COALESCE(a.title)) AS title,
            unnest(COALESCE(a.unit)) AS unit,
            unnest(COALESCE(r.value)) AS value,
            unnest(COALESCE(a.target)) AS target,
            unnest(COALESCE(a.reached)) AS reached,
            unnest(COALESCE(r.rank)) AS rank
           FROM (((kpi.indicators_grid r
             JOIN kpi.indicators_axis a ON ((a.part_id = r.part_id)))
             JOIN kpi.parts p ON ((p.id = r.part_id)))
             JOIN kpi.texts k ON ((k.id = r.entity)))) w
     LEFT JOIN kpi.texts t4 ON ((t4.id = w.indicator)))
     LEFT JOIN kpi.texts t5 ON ((t5.id = w.title)))
     LEFT JOIN kpi.texts t6 ON ((t6.id = w.unit)));
ALTER TABLE kpi.parts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME kpi.parts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE kpi.runs (
    number bigint NOT NULL,
    finished timestamp with time zone DEFAULT now() NOT NULL,
    manifest json NOT NULL,
    state json NOT NULL
);
CREATE TABLE kpi.schema_version (
    version bigint NOT NULL
);
ALTER TABLE kpi.texts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME kpi.texts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE kpi.totals_rows (
    part_id bigint,
    "position" bigint,
    part integer,
    many bigint,
    share double precision,
    day date,
    told boolean,
    added integer
);
CREATE VIEW kpi.totals AS
 SELECT w.system,
    w.period,
    w."position",
    t3.text AS part,
    w.many,
    w.share,
    w.day,
    w.told,
    t8.text AS added
   FROM ((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            p.period,
            r."position",
            r.part,
            r.many,
            r.share,
            r.day,
            r.told,
            r.added
           FROM (kpi.totals_rows r
             JOIN kpi.parts p ON ((p.id = r.part_id)))
          WHERE (p.valid_to IS NULL)) w
     LEFT JOIN kpi.texts t3 ON ((t3.id = w.part)))
     LEFT JOIN kpi.texts t8 ON ((t8.id = w.added)));
CREATE VIEW kpi.totals_history AS
 SELECT w.valid_from,
    w.valid_to,
    w.system,
    w.period,
    w."position",
    t3.text AS part,
    w.many,
    w.share,
    w.day,
    w.told,
    t8.text AS added
   FROM ((( SELECT p.valid_from,
            p.valid_to,
            p.system,
            p.period,
            r."position",
            r.part,
            r.many,
            r.share,
            r.day,
            r.told,
            r.added
           FROM (kpi.totals_rows r
             JOIN kpi.parts p ON ((p.id = r.part_id)))) w
     LEFT JOIN kpi.texts t3 ON ((t3.id = w.part)))
     LEFT JOIN kpi.texts t8 ON ((t8.id = w.added)));
INSERT INTO kpi.findings_rows VALUES (5, NULL, 0, 18);
INSERT INTO kpi.findings_rows VALUES (5, 31, 0, 30);
INSERT INTO kpi.indicators_axis VALUES (3, 12, '{6,1,7,23,10,9,35,21,29,12,11,20}', '{32,14,3,8,2,16,25,26,17,5,27,22}', '{4,4,4,4,4,4,4,4,4,4,4,4}', '{0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004}', '{NULL,f,t,NULL,t,f,NULL,f,t,NULL,t,f}');
INSERT INTO kpi.indicators_axis VALUES (4, 12, '{6,1,7,23,10,9,35,21,29,12,11,20}', '{32,14,3,8,2,16,25,26,17,5,27,22}', '{4,4,4,4,4,4,4,4,4,4,4,4}', '{0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004}', '{NULL,f,t,NULL,t,f,NULL,f,t,NULL,t,f}');
INSERT INTO kpi.indicators_axis VALUES (7, 12, '{6,1,7,23,10,9,35,21,29,12,11,20}', '{32,14,3,8,2,16,25,26,17,5,27,22}', '{4,4,4,4,4,4,4,4,4,4,4,4}', '{0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004}', '{NULL,f,t,NULL,t,f,NULL,f,t,NULL,t,f}');
INSERT INTO kpi.indicators_grid VALUES (3, 0, 33, '{NULL,0.1,0.2,0.30000000000000004,0.4,NULL,0.6000000000000001,0.7000000000000001,0.8,0.9,NULL,1.1}', '{NULL,1,2,3,4,5,6,NULL,8,9,10,11}');
INSERT INTO kpi.indicators_grid VALUES (3, 12, 13, '{1.2000000000000002,1.3,1.4000000000000001,NULL,1.6,1.7000000000000002,1.8,1.9000000000000001,NULL,2.1,2.2,2.3000000000000003}', '{12,13,NULL,15,16,17,18,19,20,NULL,22,23}');
INSERT INTO kpi.indicators_grid VALUES (3, 24, 24, '{2.4000000000000004,NULL,2.6,2.7,2.8000000000000003,2.9000000000000004,NULL,3.1,3.2,3.3000000000000003,3.4000000000000004,NULL}', '{24,25,26,27,NULL,29,30,31,32,33,34,NULL}');
INSERT INTO kpi.indicators_grid VALUES (4, 0, 33, '{NULL,0.1,0.2,0.30000000000000004,0.4,NULL,0.6000000000000001,0.7000000000000001,0.8,0.9,NULL,1.1}', '{NULL,1,2,3,4,5,6,NULL,8,9,10,11}');
INSERT INTO kpi.indicators_grid VALUES (4, 12, 13, '{1.2000000000000002,1.3,1.4000000000000001,NULL,1.6,1.7000000000000002,1.8,1.9000000000000001,NULL,2.1,2.2,2.3000000000000003}', '{12,13,NULL,15,16,17,18,19,20,NULL,22,23}');
INSERT INTO kpi.indicators_grid VALUES (4, 24, 24, '{2.4000000000000004,NULL,2.6,2.7,2.8000000000000003,2.9000000000000004,NULL,3.1,3.2,3.3000000000000003,3.4000000000000004,NULL}', '{24,25,26,27,NULL,29,30,31,32,33,34,NULL}');
INSERT INTO kpi.indicators_grid VALUES (7, 0, 33, '{NULL,1.1,1.2,1.3,1.4,NULL,1.6,1.7000000000000002,1.8,1.9,NULL,2.1}', '{NULL,1,2,3,4,5,6,NULL,8,9,10,11}');
INSERT INTO kpi.indicators_grid VALUES (7, 12, 13, '{2.2,2.3,2.4000000000000004,NULL,2.6,2.7,2.8,2.9000000000000004,NULL,3.1,3.2,3.3000000000000003}', '{12,13,NULL,15,16,17,18,19,20,NULL,22,23}');
INSERT INTO kpi.indicators_grid VALUES (7, 24, 24, '{3.4000000000000004,NULL,3.6,3.7,3.8000000000000003,3.9000000000000004,NULL,4.1,4.2,4.300000000000001,4.4,NULL}', '{24,25,26,27,NULL,29,30,31,32,33,34,NULL}');
INSERT INTO kpi.indicators_rows VALUES (8, 0, 33, 6, 32, 4, NULL, 0.30000000000000004, NULL, NULL);
INSERT INTO kpi.indicators_rows VALUES (8, 1, 33, 1, 14, 4, 0.1, 0.30000000000000004, false, 1);
INSERT INTO kpi.indicators_rows VALUES (8, 2, 33, 7, 3, 4, 0.2, 0.30000000000000004, true, 2);
INSERT INTO kpi.indicators_rows VALUES (8, 4, 33, 10, 2, 4, 0.4, 0.30000000000000004, true, 4);
INSERT INTO kpi.indicators_rows VALUES (8, 8, 33, 29, 17, 4, 0.8, 0.30000000000000004, true, 8);
INSERT INTO kpi.indicators_rows VALUES (8, 11, 33, 20, 22, 4, 1.1, 0.30000000000000004, false, 11);
INSERT INTO kpi.indicators_rows VALUES (8, 13, 13, 1, 14, 4, 1.3, 0.30000000000000004, false, 13);
INSERT INTO kpi.indicators_rows VALUES (8, 16, 13, 10, 2, 4, 1.6, 0.30000000000000004, true, 16);
INSERT INTO kpi.indicators_rows VALUES (8, 17, 13, 9, 16, 4, 1.7000000000000002, 0.30000000000000004, false, 17);
INSERT INTO kpi.indicators_rows VALUES (8, 19, 13, 21, 26, 4, 1.9000000000000001, 0.30000000000000004, false, 19);
INSERT INTO kpi.indicators_rows VALUES (8, 22, 13, 11, 27, 4, 2.2, 0.30000000000000004, true, 22);
INSERT INTO kpi.indicators_rows VALUES (8, 23, 13, 20, 22, 4, 2.3000000000000003, 0.30000000000000004, false, 23);
INSERT INTO kpi.indicators_rows VALUES (8, 26, 24, 7, 3, 4, 2.6, 0.30000000000000004, true, 26);
INSERT INTO kpi.indicators_rows VALUES (8, 29, 24, 9, 16, 4, 2.9000000000000004, 0.30000000000000004, false, 29);
INSERT INTO kpi.indicators_rows VALUES (8, 31, 24, 21, 26, 4, 3.1, 0.30000000000000004, false, 31);
INSERT INTO kpi.indicators_rows VALUES (8, 32, 24, 29, 17, 4, 3.2, 0.30000000000000004, true, 32);
INSERT INTO kpi.indicators_rows VALUES (8, 34, 24, 11, 27, 4, 3.4000000000000004, 0.30000000000000004, true, 34);
INSERT INTO kpi.indicators_rows VALUES (8, 3, 33, 23, 8, 4, 0.30000000000000004, 0.30000000000000004, NULL, 3);
INSERT INTO kpi.indicators_rows VALUES (8, 6, 33, 35, 25, 4, 0.6000000000000001, 0.30000000000000004, NULL, 6);
INSERT INTO kpi.indicators_rows VALUES (8, 9, 33, 12, 5, 4, 0.9, 0.30000000000000004, NULL, 9);
INSERT INTO kpi.indicators_rows VALUES (8, 12, 13, 6, 32, 4, 1.2000000000000002, 0.30000000000000004, NULL, 12);
INSERT INTO kpi.indicators_rows VALUES (8, 18, 13, 35, 25, 4, 1.8, 0.30000000000000004, NULL, 18);
INSERT INTO kpi.indicators_rows VALUES (8, 24, 24, 6, 32, 4, 2.4000000000000004, 0.30000000000000004, NULL, 24);
INSERT INTO kpi.indicators_rows VALUES (8, 27, 24, 23, 8, 4, 2.7, 0.30000000000000004, NULL, 27);
INSERT INTO kpi.indicators_rows VALUES (8, 33, 24, 12, 5, 4, 3.3000000000000003, 0.30000000000000004, NULL, 33);
INSERT INTO kpi.indicators_rows VALUES (8, 5, 33, 9, 16, 4, NULL, 0.30000000000000004, false, 5);
INSERT INTO kpi.indicators_rows VALUES (8, 10, 33, 11, 27, 4, NULL, 0.30000000000000004, true, 10);
INSERT INTO kpi.indicators_rows VALUES (8, 20, 13, 29, 17, 4, NULL, 0.30000000000000004, true, 20);
INSERT INTO kpi.indicators_rows VALUES (8, 25, 24, 1, 14, 4, NULL, 0.30000000000000004, false, 25);
INSERT INTO kpi.indicators_rows VALUES (8, 7, 33, 21, 26, 4, 0.7000000000000001, 0.30000000000000004, false, NULL);
INSERT INTO kpi.indicators_rows VALUES (8, 14, 13, 7, 3, 4, 1.4000000000000001, 0.30000000000000004, true, NULL);
INSERT INTO kpi.indicators_rows VALUES (8, 28, 24, 10, 2, 4, 2.8000000000000003, 0.30000000000000004, true, NULL);
INSERT INTO kpi.indicators_rows VALUES (8, 15, 13, 23, 8, 4, NULL, 0.30000000000000004, NULL, 15);
INSERT INTO kpi.indicators_rows VALUES (8, 30, 24, 35, 25, 4, NULL, 0.30000000000000004, NULL, 30);
INSERT INTO kpi.indicators_rows VALUES (8, 21, 13, 12, 5, 4, 2.1, 0.30000000000000004, NULL, NULL);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (4, 'indicators', 's''1', '2023Q2', 1, NULL);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (5, 'findings', 's''1', NULL, 1, NULL);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (1, 'totals', 's''1', '2023Q1', 1, 3);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (2, 'totals', 's''1', '2023Q2', 1, 3);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (6, 'totals', 's''1', '2023Q2', 3, NULL);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (3, 'indicators', 's''1', '2023Q1', 1, 3);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (7, 'indicators', 's''1', '2023Q1', 3, NULL);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (8, 'indicators', 's''1', '2023Q3', 3, NULL);
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES (9, 'totals', 'other', '2023Q2', 3, NULL);
INSERT INTO kpi.runs VALUES (1, '2026-11-29 01:17:56.380257+00', '{"a": "甲"}', '{"editions": {}, "systems": {}}');
INSERT INTO kpi.runs VALUES (2, '2026-11-29 01:17:56.635767+00', '{}', '{"editions": {"年度": {"periods": ["2023Q1"], "revisions": [], "system": "s''1"}}, "systems": {}}');
INSERT INTO kpi.runs VALUES (3, '2026-11-29 01:17:56.665873+00', '{"b": 0.1}', '{"editions": {"年度": {"periods": ["2023Q1"], "revisions": [], "system": "s''1"}}, "systems": {}}');
INSERT INTO kpi.schema_version VALUES (1);
INSERT INTO kpi.schema_version VALUES (2);
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (1, 'p1');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (2, 'p4指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (3, 'p2指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (4, '%');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (5, 'p9指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (6, 'p0');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (7, 'p2');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (8, 'p3指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (9, 'p5');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (10, 'p4');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (11, 'p10');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (12, 'p9');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (13, '乙县');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (14, 'p1指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (15, '');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (16, 'p5指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (17, 'p8指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (18, 'x');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (19, 'a,b"c\N''d');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (20, 'p11');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (21, 'p7');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (22, 'p11指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (23, 'p3');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (24, '丙,县');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (25, 'p6指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (26, 'p7指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (27, 'p10指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (28, '一
二');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (29, 'p8');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (30, '“y”');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (31, '2023Q1');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (32, 'p0指标');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (33, '甲县');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (34, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (35, 'p6');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (36, '\.');
INSERT INTO kpi.texts OVERRIDING SYSTEM VALUE VALUES (37, 'new');
INSERT INTO kpi.totals_rows VALUES (1, 0, 15, -1, 0.30000000000000004, '2000-01-01', false, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 5, 15, -1, 0.30000000000000004, '2000-01-01', false, NULL);
INSERT INTO kpi.totals_rows VALUES (1, 1, 33, 9223372036854775807, 5e-324, NULL, NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 6, 33, 9223372036854775807, 5e-324, NULL, NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (1, 2, 19, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 0, 19, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (1, 3, 28, 7, -1e-09, NULL, true, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 1, 28, 7, -1e-09, NULL, true, NULL);
INSERT INTO kpi.totals_rows VALUES (1, 4, 36, 8, NULL, '1949-10-01', false, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 2, 36, 8, NULL, '1949-10-01', false, NULL);
INSERT INTO kpi.totals_rows VALUES (1, 5, 34, NULL, 0, '2023-12-31', NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 3, 34, NULL, 0, '2023-12-31', NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (1, 6, NULL, 0, -0, NULL, true, NULL);
INSERT INTO kpi.totals_rows VALUES (2, 4, NULL, 0, -0, NULL, true, NULL);
INSERT INTO kpi.totals_rows VALUES (6, 0, 36, 8, NULL, '1949-10-01', true, 37);
INSERT INTO kpi.totals_rows VALUES (6, 1, 34, NULL, 0, '2023-12-31', false, 37);
INSERT INTO kpi.totals_rows VALUES (6, 2, NULL, 0, -0, NULL, NULL, 37);
INSERT INTO kpi.totals_rows VALUES (6, 3, 15, -1, 0.30000000000000004, '2000-01-01', true, 37);
INSERT INTO kpi.totals_rows VALUES (6, 4, 33, 9223372036854775807, 5e-324, NULL, false, 37);
INSERT INTO kpi.totals_rows VALUES (6, 5, 19, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 37);
INSERT INTO kpi.totals_rows VALUES (6, 6, 28, 7, -1e-09, NULL, NULL, 37);
INSERT INTO kpi.totals_rows VALUES (9, 0, 15, -1, 0.30000000000000004, '2000-01-01', false, NULL);
INSERT INTO kpi.totals_rows VALUES (9, 1, 33, 9223372036854775807, 5e-324, NULL, NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (9, 2, 19, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (9, 3, 28, 7, -1e-09, NULL, true, NULL);
INSERT INTO kpi.totals_rows VALUES (9, 4, 36, 8, NULL, '1949-10-01', false, NULL);
INSERT INTO kpi.totals_rows VALUES (9, 5, 34, NULL, 0, '2023-12-31', NULL, NULL);
INSERT INTO kpi.totals_rows VALUES (9, 6, NULL, 0, -0, NULL, true, NULL);
SELECT pg_catalog.setval('kpi.parts_id_seq', 9, true);
SELECT pg_catalog.setval('kpi.texts_id_seq', 37, true);
ALTER TABLE ONLY kpi.parts
    ADD CONSTRAINT parts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY kpi.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (number);
ALTER TABLE ONLY kpi.texts
    ADD CONSTRAINT texts_pkey PRIMARY KEY (id);
CREATE INDEX findings_rows_part_id_idx ON kpi.findings_rows USING brin (part_id);
CREATE INDEX indicators_axis_part_id_idx ON kpi.indicators_axis USING btree (part_id);
CREATE INDEX indicators_grid_entity_idx ON kpi.indicators_grid USING btree (entity);
CREATE INDEX indicators_grid_part_id_idx ON kpi.indicators_grid USING btree (part_id);
CREATE INDEX indicators_rows_part_id_idx ON kpi.indicators_rows USING brin (part_id);
CREATE INDEX parts_table_system_period_idx ON kpi.parts USING btree ("table", system, period) WHERE (valid_to IS NULL);
CREATE UNIQUE INDEX texts_md5_idx ON kpi.texts USING btree (md5(text));
CREATE INDEX totals_rows_part_id_idx ON kpi.totals_rows USING brin (part_id);
