SET standard_conforming_strings = on;
CREATE SCHEMA kpi;
CREATE TABLE kpi.findings_facts (
    part_id integer NOT NULL,
    "position" integer NOT NULL,
    period text COLLATE pg_catalog."C",
    message text COLLATE pg_catalog."C"
);
CREATE TABLE kpi.parts (
    id integer NOT NULL,
    "table" text NOT NULL,
    system text NOT NULL,
    period text,
    valid_from bigint NOT NULL,
    valid_to bigint,
    rows bigint
);
CREATE VIEW kpi.findings AS
 SELECT p.system,
    f.period,
    f."position",
    f.message
   FROM (kpi.findings_facts f
     JOIN kpi.parts p ON (((p.id = f.part_id) AND (p."table" = 'findings'::text))))
  WHERE (p.valid_to IS NULL);
CREATE VIEW kpi.findings_history AS
 SELECT p.valid_from,
    p.valid_to,
    p.system,
    f.period,
    f."position",
    f.message
   FROM (kpi.findings_facts f
     JOIN kpi.parts p ON (((p.id = f.part_id) AND (p."table" = 'findings'::text))))
  WHERE (p.valid_to IS DISTINCT FROM p.valid_from);
CREATE TABLE kpi.indicators_facts (
    part_id integer NOT NULL,
    "position" integer NOT NULL,
    value double precision,
    target double precision,
    reached boolean,
    rank bigint,
    entity text COLLATE pg_catalog."C",
    indicator text COLLATE pg_catalog."C",
    title text COLLATE pg_catalog."C",
    unit text COLLATE pg_catalog."C"
);
CREATE VIEW kpi.indicators AS
 SELECT p.system,
    p.period,
    f."position",
    f.entity,
    f.indicator,
    f.title,
    f.unit,
    f.value,
    f.target,
    f.reached,
    f.rank
   FROM (kpi.indicators_facts f
     JOIN kpi.parts p ON (((p.id = f.part_id) AND (p."table" = 'indicators'::text))))
  WHERE (p.valid_to IS NULL);
CREATE VIEW kpi.indicators_history AS
 SELECT p.valid_from,
    p.valid_to,
    p.system,
    p.period,
    f."position",
    f.entity,
    f.indicator,
    f.title,
    f.unit,
    f.value,
    f.target,
    f.reached,
    f.rank
   FROM (kpi.indicators_facts f
     JOIN kpi.parts p ON (((p.id = f.part_id) AND (p."table" = 'indicators'::text))))
  WHERE (p.valid_to IS DISTINCT FROM p.valid_from);
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
    state json NOT NULL,
    contents json,
    digest text
);
CREATE TABLE kpi.schema_version (
    version bigint NOT NULL
);
CREATE TABLE kpi.totals_facts (
    part_id integer NOT NULL,
    "position" integer NOT NULL,
    many bigint,
    share double precision,
    day date,
    told boolean,
    part text COLLATE pg_catalog."C",
    added text COLLATE pg_catalog."C"
);
CREATE VIEW kpi.totals AS
 SELECT p.system,
    p.period,
    f."position",
    f.part,
    f.many,
    f.share,
    f.day,
    f.told,
    f.added
   FROM (kpi.totals_facts f
     JOIN kpi.parts p ON (((p.id = f.part_id) AND (p."table" = 'totals'::text))))
  WHERE (p.valid_to IS NULL);
CREATE VIEW kpi.totals_history AS
 SELECT p.valid_from,
    p.valid_to,
    p.system,
    p.period,
    f."position",
    f.part,
    f.many,
    f.share,
    f.day,
    f.told,
    f.added
   FROM (kpi.totals_facts f
     JOIN kpi.parts p ON (((p.id = f.part_id) AND (p."table" = 'totals'::text))))
  WHERE (p.valid_to IS DISTINCT FROM p.valid_from);
INSERT INTO kpi.findings_facts VALUES
	(5, 0, NULL, 'x'),
	(5, 0, '2023Q1', '“y”'),
	(14, 0, NULL, 'x'),
	(14, 0, '2023Q1', '“y”');
INSERT INTO kpi.indicators_facts VALUES
	(4, 0, NULL, 0.30000000000000004, NULL, NULL, '甲县', 'p0', 'p0指标', '%'),
	(4, 1, 0.1, 0.30000000000000004, false, 1, '甲县', 'p1', 'p1指标', '%'),
	(4, 2, 0.2, 0.30000000000000004, true, 2, '甲县', 'p2', 'p2指标', '%'),
	(4, 3, 0.30000000000000004, 0.30000000000000004, NULL, 3, '甲县', 'p3', 'p3指标', '%'),
	(4, 4, 0.4, 0.30000000000000004, true, 4, '甲县', 'p4', 'p4指标', '%'),
	(4, 5, NULL, 0.30000000000000004, false, 5, '甲县', 'p5', 'p5指标', '%'),
	(4, 6, 0.6000000000000001, 0.30000000000000004, NULL, 6, '甲县', 'p6', 'p6指标', '%'),
	(4, 7, 0.7000000000000001, 0.30000000000000004, false, NULL, '甲县', 'p7', 'p7指标', '%'),
	(4, 12, 1.2000000000000002, 0.30000000000000004, NULL, 12, '乙县', 'p0', 'p0指标', '%'),
	(4, 13, 1.3, 0.30000000000000004, false, 13, '乙县', 'p1', 'p1指标', '%'),
	(4, 14, 1.4000000000000001, 0.30000000000000004, true, NULL, '乙县', 'p2', 'p2指标', '%'),
	(4, 15, NULL, 0.30000000000000004, NULL, 15, '乙县', 'p3', 'p3指标', '%'),
	(4, 16, 1.6, 0.30000000000000004, true, 16, '乙县', 'p4', 'p4指标', '%'),
	(4, 17, 1.7000000000000002, 0.30000000000000004, false, 17, '乙县', 'p5', 'p5指标', '%'),
	(4, 18, 1.8, 0.30000000000000004, NULL, 18, '乙县', 'p6', 'p6指标', '%'),
	(4, 19, 1.9000000000000001, 0.30000000000000004, false, 19, '乙县', 'p7', 'p7指标', '%'),
	(4, 24, 2.4000000000000004, 0.30000000000000004, NULL, 24, '丙,县', 'p0', 'p0指标', '%'),
	(4, 25, NULL, 0.30000000000000004, false, 25, '丙,县', 'p1', 'p1指标', '%'),
	(4, 26, 2.6, 0.30000000000000004, true, 26, '丙,县', 'p2', 'p2指标', '%'),
	(4, 27, 2.7, 0.30000000000000004, NULL, 27, '丙,县', 'p3', 'p3指标', '%'),
	(4, 28, 2.8000000000000003, 0.30000000000000004, true, NULL, '丙,县', 'p4', 'p4指标', '%'),
	(4, 29, 2.9000000000000004, 0.30000000000000004, false, 29, '丙,县', 'p5', 'p5指标', '%'),
	(4, 30, NULL, 0.30000000000000004, NULL, 30, '丙,县', 'p6', 'p6指标', '%'),
	(4, 31, 3.1, 0.30000000000000004, false, 31, '丙,县', 'p7', 'p7指标', '%'),
	(4, 8, 0.8, 0.30000000000000004, true, 8, '甲县', 'p8', 'p8指标', '%'),
	(4, 9, 0.9, 0.30000000000000004, NULL, 9, '甲县', 'p9', 'p9指标', '%'),
	(4, 10, NULL, 0.30000000000000004, true, 10, '甲县', 'p10', 'p10指标', '%'),
	(4, 11, 1.1, 0.30000000000000004, false, 11, '甲县', 'p11', 'p11指标', '%'),
	(4, 20, NULL, 0.30000000000000004, true, 20, '乙县', 'p8', 'p8指标', '%'),
	(4, 21, 2.1, 0.30000000000000004, NULL, NULL, '乙县', 'p9', 'p9指标', '%'),
	(4, 22, 2.2, 0.30000000000000004, true, 22, '乙县', 'p10', 'p10指标', '%'),
	(4, 23, 2.3000000000000003, 0.30000000000000004, false, 23, '乙县', 'p11', 'p11指标', '%'),
	(4, 32, 3.2, 0.30000000000000004, true, 32, '丙,县', 'p8', 'p8指标', '%'),
	(4, 33, 3.3000000000000003, 0.30000000000000004, NULL, 33, '丙,县', 'p9', 'p9指标', '%'),
	(4, 34, 3.4000000000000004, 0.30000000000000004, true, 34, '丙,县', 'p10', 'p10指标', '%'),
	(4, 35, NULL, 0.30000000000000004, false, NULL, '丙,县', 'p11', 'p11指标', '%'),
	(3, 0, NULL, 0.30000000000000004, NULL, NULL, '甲县', 'p0', 'p0指标', '%'),
	(3, 1, 0.1, 0.30000000000000004, false, 1, '甲县', 'p1', 'p1指标', '%'),
	(3, 2, 0.2, 0.30000000000000004, true, 2, '甲县', 'p2', 'p2指标', '%'),
	(3, 3, 0.30000000000000004, 0.30000000000000004, NULL, 3, '甲县', 'p3', 'p3指标', '%'),
	(3, 4, 0.4, 0.30000000000000004, true, 4, '甲县', 'p4', 'p4指标', '%'),
	(3, 5, NULL, 0.30000000000000004, false, 5, '甲县', 'p5', 'p5指标', '%'),
	(3, 6, 0.6000000000000001, 0.30000000000000004, NULL, 6, '甲县', 'p6', 'p6指标', '%'),
	(3, 7, 0.7000000000000001, 0.30000000000000004, false, NULL, '甲县', 'p7', 'p7指标', '%'),
	(3, 12, 1.2000000000000002, 0.30000000000000004, NULL, 12, '乙县', 'p0', 'p0指标', '%'),
	(3, 13, 1.3, 0.30000000000000004, false, 13, '乙县', 'p1', 'p1指标', '%'),
	(3, 14, 1.4000000000000001, 0.30000000000000004, true, NULL, '乙县', 'p2', 'p2指标', '%'),
	(3, 15, NULL, 0.30000000000000004, NULL, 15, '乙县', 'p3', 'p3指标', '%'),
	(3, 16, 1.6, 0.30000000000000004, true, 16, '乙县', 'p4', 'p4指标', '%'),
	(3, 17, 1.7000000000000002, 0.30000000000000004, false, 17, '乙县', 'p5', 'p5指标', '%'),
	(3, 18, 1.8, 0.30000000000000004, NULL, 18, '乙县', 'p6', 'p6指标', '%'),
	(3, 19, 1.9000000000000001, 0.30000000000000004, false, 19, '乙县', 'p7', 'p7指标', '%'),
	(3, 24, 2.4000000000000004, 0.30000000000000004, NULL, 24, '丙,县', 'p0', 'p0指标', '%'),
	(3, 25, NULL, 0.30000000000000004, false, 25, '丙,县', 'p1', 'p1指标', '%'),
	(3, 26, 2.6, 0.30000000000000004, true, 26, '丙,县', 'p2', 'p2指标', '%'),
	(3, 27, 2.7, 0.30000000000000004, NULL, 27, '丙,县', 'p3', 'p3指标', '%'),
	(3, 28, 2.8000000000000003, 0.30000000000000004, true, NULL, '丙,县', 'p4', 'p4指标', '%'),
	(3, 29, 2.9000000000000004, 0.30000000000000004, false, 29, '丙,县', 'p5', 'p5指标', '%'),
	(3, 30, NULL, 0.30000000000000004, NULL, 30, '丙,县', 'p6', 'p6指标', '%'),
	(3, 31, 3.1, 0.30000000000000004, false, 31, '丙,县', 'p7', 'p7指标', '%'),
	(3, 8, 0.8, 0.30000000000000004, true, 8, '甲县', 'p8', 'p8指标', '%'),
	(3, 9, 0.9, 0.30000000000000004, NULL, 9, '甲县', 'p9', 'p9指标', '%'),
	(3, 10, NULL, 0.30000000000000004, true, 10, '甲县', 'p10', 'p10指标', '%'),
	(3, 11, 1.1, 0.30000000000000004, false, 11, '甲县', 'p11', 'p11指标', '%'),
	(3, 20, NULL, 0.30000000000000004, true, 20, '乙县', 'p8', 'p8指标', '%'),
	(3, 21, 2.1, 0.30000000000000004, NULL, NULL, '乙县', 'p9', 'p9指标', '%'),
	(3, 22, 2.2, 0.30000000000000004, true, 22, '乙县', 'p10', 'p10指标', '%'),
	(3, 23, 2.3000000000000003, 0.30000000000000004, false, 23, '乙县', 'p11', 'p11指标', '%'),
	(3, 32, 3.2, 0.30000000000000004, true, 32, '丙,县', 'p8', 'p8指标', '%'),
	(3, 33, 3.3000000000000003, 0.30000000000000004, NULL, 33, '丙,县', 'p9', 'p9指标', '%'),
	(3, 34, 3.4000000000000004, 0.30000000000000004, true, 34, '丙,县', 'p10', 'p10指标', '%'),
	(3, 35, NULL, 0.30000000000000004, false, NULL, '丙,县', 'p11', 'p11指标', '%'),
	(7, 0, NULL, 0.30000000000000004, NULL, NULL, '甲县', 'p0', 'p0指标', '%'),
	(7, 1, 1.1, 0.30000000000000004, false, 1, '甲县', 'p1', 'p1指标', '%'),
	(7, 2, 1.2, 0.30000000000000004, true, 2, '甲县', 'p2', 'p2指标', '%'),
	(7, 3, 1.3, 0.30000000000000004, NULL, 3, '甲县', 'p3', 'p3指标', '%'),
	(7, 4, 1.4, 0.30000000000000004, true, 4, '甲县', 'p4', 'p4指标', '%'),
	(7, 5, NULL, 0.30000000000000004, false, 5, '甲县', 'p5', 'p5指标', '%'),
	(7, 6, 1.6, 0.30000000000000004, NULL, 6, '甲县', 'p6', 'p6指标', '%'),
	(7, 7, 1.7000000000000002, 0.30000000000000004, false, NULL, '甲县', 'p7', 'p7指标', '%'),
	(7, 12, 2.2, 0.30000000000000004, NULL, 12, '乙县', 'p0', 'p0指标', '%'),
	(7, 13, 2.3, 0.30000000000000004, false, 13, '乙县', 'p1', 'p1指标', '%'),
	(7, 14, 2.4000000000000004, 0.30000000000000004, true, NULL, '乙县', 'p2', 'p2指标', '%'),
	(7, 15, NULL, 0.30000000000000004, NULL, 15, '乙县', 'p3', 'p3指标', '%'),
	(7, 16, 2.6, 0.30000000000000004, true, 16, '乙县', 'p4', 'p4指标', '%'),
	(7, 17, 2.7, 0.30000000000000004, false, 17, '乙县', 'p5', 'p5指标', '%'),
	(7, 18, 2.8, 0.30000000000000004, NULL, 18, '乙县', 'p6', 'p6指标', '%'),
	(7, 19, 2.9000000000000004, 0.30000000000000004, false, 19, '乙县', 'p7', 'p7指标', '%'),
	(7, 24, 3.4000000000000004, 0.30000000000000004, NULL, 24, '丙,县', 'p0', 'p0指标', '%'),
	(7, 25, NULL, 0.30000000000000004, false, 25, '丙,县', 'p1', 'p1指标', '%'),
	(7, 26, 3.6, 0.30000000000000004, true, 26, '丙,县', 'p2', 'p2指标', '%'),
	(7, 27, 3.7, 0.30000000000000004, NULL, 27, '丙,县', 'p3', 'p3指标', '%'),
	(7, 28, 3.8000000000000003, 0.30000000000000004, true, NULL, '丙,县', 'p4', 'p4指标', '%'),
	(7, 29, 3.9000000000000004, 0.30000000000000004, false, 29, '丙,县', 'p5', 'p5指标', '%'),
	(7, 30, NULL, 0.30000000000000004, NULL, 30, '丙,县', 'p6', 'p6指标', '%'),
	(7, 31, 4.1, 0.30000000000000004, false, 31, '丙,县', 'p7', 'p7指标', '%'),
	(7, 8, 1.8, 0.30000000000000004, true, 8, '甲县', 'p8', 'p8指标', '%'),
	(7, 9, 1.9, 0.30000000000000004, NULL, 9, '甲县', 'p9', 'p9指标', '%'),
	(7, 10, NULL, 0.30000000000000004, true, 10, '甲县', 'p10', 'p10指标', '%'),
	(7, 11, 2.1, 0.30000000000000004, false, 11, '甲县', 'p11', 'p11指标', '%'),
	(7, 20, NULL, 0.30000000000000004, true, 20, '乙县', 'p8', 'p8指标', '%'),
	(7, 21, 3.1, 0.30000000000000004, NULL, NULL, '乙县', 'p9', 'p9指标', '%'),
	(7, 22, 3.2, 0.30000000000000004, true, 22, '乙县', 'p10', 'p10指标', '%'),
	(7, 23, 3.3000000000000003, 0.30000000000000004, false, 23, '乙县', 'p11', 'p11指标', '%'),
	(7, 32, 4.2, 0.30000000000000004, true, 32, '丙,县', 'p8', 'p8指标', '%'),
	(7, 33, 4.300000000000001, 0.30000000000000004, NULL, 33, '丙,县', 'p9', 'p9指标', '%'),
	(7, 34, 4.4, 0.30000000000000004, true, 34, '丙,县', 'p10', 'p10指标', '%'),
	(7, 35, NULL, 0.30000000000000004, false, NULL, '丙,县', 'p11', 'p11指标', '%'),
	(8, 0, NULL, 0.30000000000000004, NULL, NULL, '甲县', 'p0', 'p0指标', '%'),
	(8, 1, 0.1, 0.30000000000000004, false, 1, '甲县', 'p1', 'p1指标', '%'),
	(8, 2, 0.2, 0.30000000000000004, true, 2, '甲县', 'p2', 'p2指标', '%'),
	(8, 3, 0.30000000000000004, 0.30000000000000004, NULL, 3, '甲县', 'p3', 'p3指标', '%'),
	(8, 4, 0.4, 0.30000000000000004, true, 4, '甲县', 'p4', 'p4指标', '%'),
	(8, 5, NULL, 0.30000000000000004, false, 5, '甲县', 'p5', 'p5指标', '%'),
	(8, 6, 0.6000000000000001, 0.30000000000000004, NULL, 6, '甲县', 'p6', 'p6指标', '%'),
	(8, 7, 0.7000000000000001, 0.30000000000000004, false, NULL, '甲县', 'p7', 'p7指标', '%'),
	(8, 12, 1.2000000000000002, 0.30000000000000004, NULL, 12, '乙县', 'p0', 'p0指标', '%'),
	(8, 13, 1.3, 0.30000000000000004, false, 13, '乙县', 'p1', 'p1指标', '%'),
	(8, 14, 1.4000000000000001, 0.30000000000000004, true, NULL, '乙县', 'p2', 'p2指标', '%'),
	(8, 15, NULL, 0.30000000000000004, NULL, 15, '乙县', 'p3', 'p3指标', '%'),
	(8, 16, 1.6, 0.30000000000000004, true, 16, '乙县', 'p4', 'p4指标', '%'),
	(8, 17, 1.7000000000000002, 0.30000000000000004, false, 17, '乙县', 'p5', 'p5指标', '%'),
	(8, 18, 1.8, 0.30000000000000004, NULL, 18, '乙县', 'p6', 'p6指标', '%'),
	(8, 19, 1.9000000000000001, 0.30000000000000004, false, 19, '乙县', 'p7', 'p7指标', '%'),
	(8, 24, 2.4000000000000004, 0.30000000000000004, NULL, 24, '丙,县', 'p0', 'p0指标', '%'),
	(8, 25, NULL, 0.30000000000000004, false, 25, '丙,县', 'p1', 'p1指标', '%'),
	(8, 26, 2.6, 0.30000000000000004, true, 26, '丙,县', 'p2', 'p2指标', '%'),
	(8, 27, 2.7, 0.30000000000000004, NULL, 27, '丙,县', 'p3', 'p3指标', '%'),
	(8, 28, 2.8000000000000003, 0.30000000000000004, true, NULL, '丙,县', 'p4', 'p4指标', '%'),
	(8, 29, 2.9000000000000004, 0.30000000000000004, false, 29, '丙,县', 'p5', 'p5指标', '%'),
	(8, 30, NULL, 0.30000000000000004, NULL, 30, '丙,县', 'p6', 'p6指标', '%'),
	(8, 31, 3.1, 0.30000000000000004, false, 31, '丙,县', 'p7', 'p7指标', '%'),
	(8, 8, 0.8, 0.30000000000000004, true, 8, '甲县', 'p8', 'p8指标', '%'),
	(8, 9, 0.9, 0.30000000000000004, NULL, 9, '甲县', 'p9', 'p9指标', '%'),
	(8, 10, NULL, 0.30000000000000004, true, 10, '甲县', 'p10', 'p10指标', '%'),
	(8, 11, 1.1, 0.30000000000000004, false, 11, '甲县', 'p11', 'p11指标', '%'),
	(8, 20, NULL, 0.30000000000000004, true, 20, '乙县', 'p8', 'p8指标', '%'),
	(8, 21, 2.1, 0.30000000000000004, NULL, NULL, '乙县', 'p9', 'p9指标', '%'),
	(8, 22, 2.2, 0.30000000000000004, true, 22, '乙县', 'p10', 'p10指标', '%'),
	(8, 23, 2.3000000000000003, 0.30000000000000004, false, 23, '乙县', 'p11', 'p11指标', '%'),
	(8, 32, 3.2, 0.30000000000000004, true, 32, '丙,县', 'p8', 'p8指标', '%'),
	(8, 33, 3.3000000000000003, 0.30000000000000004, NULL, 33, '丙,县', 'p9', 'p9指标', '%'),
	(8, 34, 3.4000000000000004, 0.30000000000000004, true, 34, '丙,县', 'p10', 'p10指标', '%'),
	(13, 0, NULL, 0.30000000000000004, NULL, NULL, '甲县', 'p0', 'p0指标', '%'),
	(13, 1, 0.1, 0.30000000000000004, false, 1, '甲县', 'p1', 'p1指标', '%'),
	(13, 2, 0.2, 0.30000000000000004, true, 2, '甲县', 'p2', 'p2指标', '%'),
	(13, 3, 0.30000000000000004, 0.30000000000000004, NULL, 3, '甲县', 'p3', 'p3指标', '%'),
	(13, 4, 0.4, 0.30000000000000004, true, 4, '甲县', 'p4', 'p4指标', '%'),
	(13, 5, NULL, 0.30000000000000004, false, 5, '甲县', 'p5', 'p5指标', '%'),
	(13, 6, 0.6000000000000001, 0.30000000000000004, NULL, 6, '甲县', 'p6', 'p6指标', '%'),
	(13, 7, 0.7000000000000001, 0.30000000000000004, false, NULL, '甲县', 'p7', 'p7指标', '%'),
	(13, 12, 1.2000000000000002, 0.30000000000000004, NULL, 12, '乙县', 'p0', 'p0指标', '%'),
	(13, 13, 1.3, 0.30000000000000004, false, 13, '乙县', 'p1', 'p1指标', '%'),
	(13, 14, 1.4000000000000001, 0.30000000000000004, true, NULL, '乙县', 'p2', 'p2指标', '%'),
	(13, 15, NULL, 0.30000000000000004, NULL, 15, '乙县', 'p3', 'p3指标', '%'),
	(13, 16, 1.6, 0.30000000000000004, true, 16, '乙县', 'p4', 'p4指标', '%'),
	(13, 17, 1.7000000000000002, 0.30000000000000004, false, 17, '乙县', 'p5', 'p5指标', '%'),
	(13, 18, 1.8, 0.30000000000000004, NULL, 18, '乙县', 'p6', 'p6指标', '%'),
	(13, 19, 1.9000000000000001, 0.30000000000000004, false, 19, '乙县', 'p7', 'p7指标', '%'),
	(13, 24, 2.4000000000000004, 0.30000000000000004, NULL, 24, '丙,县', 'p0', 'p0指标', '%'),
	(13, 25, NULL, 0.30000000000000004, false, 25, '丙,县', 'p1', 'p1指标', '%'),
	(13, 26, 2.6, 0.30000000000000004, true, 26, '丙,县', 'p2', 'p2指标', '%'),
	(13, 27, 2.7, 0.30000000000000004, NULL, 27, '丙,县', 'p3', 'p3指标', '%'),
	(13, 28, 2.8000000000000003, 0.30000000000000004, true, NULL, '丙,县', 'p4', 'p4指标', '%'),
	(13, 29, 2.9000000000000004, 0.30000000000000004, false, 29, '丙,县', 'p5', 'p5指标', '%'),
	(13, 30, NULL, 0.30000000000000004, NULL, 30, '丙,县', 'p6', 'p6指标', '%'),
	(13, 31, 3.1, 0.30000000000000004, false, 31, '丙,县', 'p7', 'p7指标', '%'),
	(13, 8, 0.8, 0.30000000000000004, true, 8, '甲县', 'p8', 'p8指标', '%'),
	(13, 9, 0.9, 0.30000000000000004, NULL, 9, '甲县', 'p9', 'p9指标', '%'),
	(13, 10, NULL, 0.30000000000000004, true, 10, '甲县', 'p10', 'p10指标', '%'),
	(13, 11, 1.1, 0.30000000000000004, false, 11, '甲县', 'p11', 'p11指标', '%'),
	(13, 20, NULL, 0.30000000000000004, true, 20, '乙县', 'p8', 'p8指标', '%'),
	(13, 21, 2.1, 0.30000000000000004, NULL, NULL, '乙县', 'p9', 'p9指标', '%'),
	(13, 22, 2.2, 0.30000000000000004, true, 22, '乙县', 'p10', 'p10指标', '%'),
	(13, 23, 2.3000000000000003, 0.30000000000000004, false, 23, '乙县', 'p11', 'p11指标', '%'),
	(13, 32, 3.2, 0.30000000000000004, true, 32, '丙,县', 'p8', 'p8指标', '%'),
	(13, 33, 3.3000000000000003, 0.30000000000000004, NULL, 33, '丙,县', 'p9', 'p9指标', '%'),
	(13, 34, 3.4000000000000004, 0.30000000000000004, true, 34, '丙,县', 'p10', 'p10指标', '%'),
	(13, 35, NULL, 0.30000000000000004, false, NULL, '丙,县', 'p11', 'p11指标', '%'),
	(12, 0, NULL, 0.30000000000000004, NULL, NULL, '甲县', 'p0', 'p0指标', '%'),
	(12, 1, 0.1, 0.30000000000000004, false, 1, '甲县', 'p1', 'p1指标', '%'),
	(12, 2, 0.2, 0.30000000000000004, true, 2, '甲县', 'p2', 'p2指标', '%'),
	(12, 3, 0.30000000000000004, 0.30000000000000004, NULL, 3, '甲县', 'p3', 'p3指标', '%'),
	(12, 4, 0.4, 0.30000000000000004, true, 4, '甲县', 'p4', 'p4指标', '%'),
	(12, 5, NULL, 0.30000000000000004, false, 5, '甲县', 'p5', 'p5指标', '%'),
	(12, 6, 0.6000000000000001, 0.30000000000000004, NULL, 6, '甲县', 'p6', 'p6指标', '%'),
	(12, 7, 0.7000000000000001, 0.30000000000000004, false, NULL, '甲县', 'p7', 'p7指标', '%'),
	(12, 12, 1.2000000000000002, 0.30000000000000004, NULL, 12, '乙县', 'p0', 'p0指标', '%'),
	(12, 13, 1.3, 0.30000000000000004, false, 13, '乙县', 'p1', 'p1指标', '%'),
	(12, 14, 1.4000000000000001, 0.30000000000000004, true, NULL, '乙县', 'p2', 'p2指标', '%'),
	(12, 15, NULL, 0.30000000000000004, NULL, 15, '乙县', 'p3', 'p3指标', '%'),
	(12, 16, 1.6, 0.30000000000000004, true, 16, '乙县', 'p4', 'p4指标', '%'),
	(12, 17, 1.7000000000000002, 0.30000000000000004, false, 17, '乙县', 'p5', 'p5指标', '%'),
	(12, 18, 1.8, 0.30000000000000004, NULL, 18, '乙县', 'p6', 'p6指标', '%'),
	(12, 19, 1.9000000000000001, 0.30000000000000004, false, 19, '乙县', 'p7', 'p7指标', '%'),
	(12, 24, 2.4000000000000004, 0.30000000000000004, NULL, 24, '丙,县', 'p0', 'p0指标', '%'),
	(12, 25, NULL, 0.30000000000000004, false, 25, '丙,县', 'p1', 'p1指标', '%'),
	(12, 26, 2.6, 0.30000000000000004, true, 26, '丙,县', 'p2', 'p2指标', '%'),
	(12, 27, 2.7, 0.30000000000000004, NULL, 27, '丙,县', 'p3', 'p3指标', '%'),
	(12, 28, 2.8000000000000003, 0.30000000000000004, true, NULL, '丙,县', 'p4', 'p4指标', '%');
INSERT INTO kpi.indicators_facts VALUES
	(12, 29, 2.9000000000000004, 0.30000000000000004, false, 29, '丙,县', 'p5', 'p5指标', '%'),
	(12, 30, NULL, 0.30000000000000004, NULL, 30, '丙,县', 'p6', 'p6指标', '%'),
	(12, 31, 3.1, 0.30000000000000004, false, 31, '丙,县', 'p7', 'p7指标', '%'),
	(12, 8, 0.8, 0.30000000000000004, true, 8, '甲县', 'p8', 'p8指标', '%'),
	(12, 9, 0.9, 0.30000000000000004, NULL, 9, '甲县', 'p9', 'p9指标', '%'),
	(12, 10, NULL, 0.30000000000000004, true, 10, '甲县', 'p10', 'p10指标', '%'),
	(12, 11, 1.1, 0.30000000000000004, false, 11, '甲县', 'p11', 'p11指标', '%'),
	(12, 20, NULL, 0.30000000000000004, true, 20, '乙县', 'p8', 'p8指标', '%'),
	(12, 21, 2.1, 0.30000000000000004, NULL, NULL, '乙县', 'p9', 'p9指标', '%'),
	(12, 22, 2.2, 0.30000000000000004, true, 22, '乙县', 'p10', 'p10指标', '%'),
	(12, 23, 2.3000000000000003, 0.30000000000000004, false, 23, '乙县', 'p11', 'p11指标', '%'),
	(12, 32, 3.2, 0.30000000000000004, true, 32, '丙,县', 'p8', 'p8指标', '%'),
	(12, 33, 3.3000000000000003, 0.30000000000000004, NULL, 33, '丙,县', 'p9', 'p9指标', '%'),
	(12, 34, 3.4000000000000004, 0.30000000000000004, true, 34, '丙,县', 'p10', 'p10指标', '%'),
	(12, 35, NULL, 0.30000000000000004, false, NULL, '丙,县', 'p11', 'p11指标', '%');
INSERT INTO kpi.parts OVERRIDING SYSTEM VALUE VALUES
	(4, 'indicators', 's''1', '2023Q2', 1, NULL, 36),
	(5, 'findings', 's''1', NULL, 1, NULL, 2),
	(1, 'totals', 's''1', '2023Q1', 1, 3, 7),
	(2, 'totals', 's''1', '2023Q2', 1, 3, 7),
	(3, 'indicators', 's''1', '2023Q1', 1, 3, 36),
	(6, 'totals', 's''1', '2023Q2', 3, NULL, 7),
	(7, 'indicators', 's''1', '2023Q1', 3, NULL, 36),
	(8, 'indicators', 's''1', '2023Q3', 3, NULL, 35),
	(9, 'totals', 'other', '2023Q2', 3, NULL, 7),
	(10, 'totals', 's''1', '2023Q2', 4, 4, 7),
	(11, 'totals', 's''1', '2023Q1', 4, 4, 7),
	(12, 'indicators', 's''1', '2023Q2', 4, 4, 36),
	(13, 'indicators', 's''1', '2023Q1', 4, 4, 36),
	(14, 'findings', 's''1', NULL, 4, 4, 2);
INSERT INTO kpi.runs VALUES
	(1, '2026-11-29 09:23:20.902891+00', '{"a": "甲"}', '{"editions": {}, "systems": {}}', '{"parts": {"findings": {"s''1": [1, 2]}, "indicators": {"s''1": [2, 72]}, "totals": {"s''1": [2, 14]}}, "columns": {"totals": {"system": "text", "period": "text", "position": "integer", "part": "text", "many": "bigint", "share": "double precision", "day": "date", "told": "boolean"}, "indicators": {"system": "text", "period": "text", "position": "integer", "entity": "text", "indicator": "text", "title": "text", "unit": "text", "value": "double precision", "target": "double precision", "reached": "boolean", "rank": "bigint"}, "findings": {"system": "text", "period": "text", "position": "integer", "message": "text"}}}', 'd08d753dd7c71f52ae1906178506b57dfc4d81f3310f9c96b434c1644d7956f9'),
	(2, '2026-11-29 09:23:20.950543+00', '{}', '{"editions": {"年度": {"periods": ["2023Q1"], "revisions": [], "system": "s''1"}}, "systems": {}}', '{"parts": {"findings": {"s''1": [1, 2]}, "indicators": {"s''1": [2, 72]}, "totals": {"s''1": [2, 14]}}, "columns": {"totals": {"system": "text", "period": "text", "position": "integer", "part": "text", "many": "bigint", "share": "double precision", "day": "date", "told": "boolean"}, "indicators": {"system": "text", "period": "text", "position": "integer", "entity": "text", "indicator": "text", "title": "text", "unit": "text", "value": "double precision", "target": "double precision", "reached": "boolean", "rank": "bigint"}, "findings": {"system": "text", "period": "text", "position": "integer", "message": "text"}}}', 'ad3749876b70b1b279acc90f10265b29fe8f48f408c1d4b0ef7eeee0261e280f'),
	(3, '2026-11-29 09:23:21.03733+00', '{"b": 0.1}', '{"editions": {"年度": {"periods": ["2023Q1"], "revisions": [], "system": "s''1"}}, "systems": {}}', '{"parts": {"findings": {"s''1": [1, 2]}, "indicators": {"s''1": [3, 107]}, "totals": {"other": [1, 7], "s''1": [1, 7]}}, "columns": {"totals": {"system": "text", "period": "text", "position": "integer", "part": "text", "many": "bigint", "share": "double precision", "day": "date", "told": "boolean", "added": "text"}, "indicators": {"system": "text", "period": "text", "position": "integer", "entity": "text", "indicator": "text", "title": "text", "unit": "text", "value": "double precision", "target": "double precision", "reached": "boolean", "rank": "bigint"}, "findings": {"system": "text", "period": "text", "position": "integer", "message": "text"}}}', '101e606c333b2bc0c665eff30a5cc11c54c7ce0b2ddfc5a07fde2503c5c1da62');
INSERT INTO kpi.schema_version VALUES
	(3);
INSERT INTO kpi.totals_facts VALUES
	(2, 0, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 'a,b"c\N''d', NULL),
	(2, 1, 7, -1e-09, NULL, true, '一
二', NULL),
	(2, 2, 8, NULL, '1949-10-01', false, '\.', NULL),
	(2, 3, NULL, 0, '2023-12-31', NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', NULL),
	(2, 4, 0, -0, NULL, true, NULL, NULL),
	(2, 5, -1, 0.30000000000000004, '2000-01-01', false, '', NULL),
	(2, 6, 9223372036854775807, 5e-324, NULL, NULL, '甲县', NULL),
	(1, 0, -1, 0.30000000000000004, '2000-01-01', false, '', NULL),
	(1, 1, 9223372036854775807, 5e-324, NULL, NULL, '甲县', NULL),
	(1, 2, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 'a,b"c\N''d', NULL),
	(1, 3, 7, -1e-09, NULL, true, '一
二', NULL),
	(1, 4, 8, NULL, '1949-10-01', false, '\.', NULL),
	(1, 5, NULL, 0, '2023-12-31', NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', NULL),
	(1, 6, 0, -0, NULL, true, NULL, NULL),
	(6, 0, 8, NULL, '1949-10-01', true, '\.', 'new'),
	(6, 1, NULL, 0, '2023-12-31', false, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'new'),
	(6, 2, 0, -0, NULL, NULL, NULL, 'new'),
	(6, 3, -1, 0.30000000000000004, '2000-01-01', true, '', 'new'),
	(6, 4, 9223372036854775807, 5e-324, NULL, false, '甲县', 'new'),
	(6, 5, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 'a,b"c\N''d', 'new'),
	(6, 6, 7, -1e-09, NULL, NULL, '一
二', 'new'),
	(9, 0, -1, 0.30000000000000004, '2000-01-01', false, '', NULL),
	(9, 1, 9223372036854775807, 5e-324, NULL, NULL, '甲县', NULL),
	(9, 2, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 'a,b"c\N''d', NULL),
	(9, 3, 7, -1e-09, NULL, true, '一
二', NULL),
	(9, 4, 8, NULL, '1949-10-01', false, '\.', NULL),
	(9, 5, NULL, 0, '2023-12-31', NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', NULL),
	(9, 6, 0, -0, NULL, true, NULL, NULL),
	(10, 0, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 'a,b"c\N''d', NULL),
	(10, 1, 7, -1e-09, NULL, true, '一
二', NULL),
	(10, 2, 8, NULL, '1949-10-01', false, '\.', NULL),
	(10, 3, NULL, 0, '2023-12-31', NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', NULL),
	(10, 4, 0, -0, NULL, true, NULL, NULL),
	(10, 5, -1, 0.30000000000000004, '2000-01-01', false, '', NULL),
	(10, 6, 9223372036854775807, 5e-324, NULL, NULL, '甲县', NULL),
	(11, 0, -1, 0.30000000000000004, '2000-01-01', false, '', NULL),
	(11, 1, 9223372036854775807, 5e-324, NULL, NULL, '甲县', NULL),
	(11, 2, -9223372036854775808, 1.7976931348623157e+308, '0001-01-01', NULL, 'a,b"c\N''d', NULL),
	(11, 3, 7, -1e-09, NULL, true, '一
二', NULL),
	(11, 4, 8, NULL, '1949-10-01', false, '\.', NULL),
	(11, 5, NULL, 0, '2023-12-31', NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', NULL),
	(11, 6, 0, -0, NULL, true, NULL, NULL);
SELECT pg_catalog.setval('kpi.parts_id_seq', 14, true);
ALTER TABLE ONLY kpi.parts
    ADD CONSTRAINT parts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY kpi.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (number);
CREATE INDEX findings_facts_part_id_idx ON kpi.findings_facts USING btree (part_id);
CREATE INDEX indicators_facts_part_id_entity_idx ON kpi.indicators_facts USING btree (part_id, entity);
CREATE INDEX indicators_facts_part_id_indicator_idx ON kpi.indicators_facts USING btree (part_id, indicator);
CREATE INDEX parts_table_system_period_idx ON kpi.parts USING btree ("table", system, period) WHERE (valid_to IS NULL);
CREATE INDEX totals_facts_part_id_idx ON kpi.totals_facts USING btree (part_id);
