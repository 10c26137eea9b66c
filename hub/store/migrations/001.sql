-- What a hub remembers. Envelopes stay sealed: no table holds what a person told a device.

CREATE TABLE tram_hub.meta (
  name  text PRIMARY KEY,
  value text NOT NULL
);

-- One row for each device. Whoever stores something of a device locks its row first, so that several
-- hub processes decide one after the other what is a duplicate, a gap or a break of the chain.
CREATE TABLE tram_hub.devices (
  device text PRIMARY KEY,
  state  jsonb NOT NULL DEFAULT '{}',
  site   text NOT NULL DEFAULT '',
  online boolean NOT NULL DEFAULT false
);

CREATE TABLE tram_hub.envelopes (
  device text   NOT NULL,
  first  bigint NOT NULL,
  last   bigint NOT NULL,
  prev   bytea  NOT NULL,
  hash   bytea  NOT NULL,
  sealed bytea  NOT NULL,
  PRIMARY KEY (device, first),
  CHECK (first >= 1 AND last >= first)
);
-- Sealed bytes do not compress; trying costs time.
ALTER TABLE tram_hub.envelopes ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE tram_hub.records (
  device    text        NOT NULL,
  sequence  bigint      NOT NULL,
  id        text        NOT NULL,
  type      text        NOT NULL,
  time      timestamptz NOT NULL, -- by the device's clock
  bootid    text        NOT NULL,
  monotonic numeric(20) NOT NULL, -- nanoseconds since that boot
  clock     text        NOT NULL, -- 'unsynced' when the device did not trust its clock
  PRIMARY KEY (device, sequence)
);

CREATE TABLE tram_hub.asides (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device text        NOT NULL,
  site   text        NOT NULL,
  first  bigint      NOT NULL,
  last   bigint      NOT NULL,
  reason text        NOT NULL,
  time   timestamptz NOT NULL,
  hash   bytea       NOT NULL,
  sealed bytea       NOT NULL,
  UNIQUE (device, hash)
);

CREATE TABLE tram_hub.commands (
  number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id        text        NOT NULL UNIQUE,
  device    text        NOT NULL,
  name      text        NOT NULL,
  message   bytea       NOT NULL,
  sealed    boolean     NOT NULL DEFAULT false, -- so that only the device can read it
  issued    timestamptz NOT NULL,
  sent      bigint      NOT NULL DEFAULT 0,
  last_sent timestamptz,
  answered  timestamptz,
  ok        boolean     NOT NULL DEFAULT false,
  reply     bytea
);
CREATE INDEX commands_open ON tram_hub.commands (device) WHERE answered IS NULL;

CREATE TABLE tram_hub.keys (
  device text PRIMARY KEY,
  key    bytea, -- public JWK that the device signs with
  box    bytea  -- public JWK to encrypt to
);

-- Records with both times: as stamped, and with what the device later knew of its clock.
CREATE VIEW tram_hub.record_times AS
SELECT r.device, r.sequence, r.id, r.type, r.time,
       r.time + coalesce(o.nanoseconds, 0)::double precision / 1e9 * interval '1 second' AS true_time,
       CASE WHEN o.nanoseconds IS NULL THEN r.clock ELSE '' END AS clock
FROM tram_hub.records r
JOIN tram_hub.devices d USING (device)
LEFT JOIN LATERAL (
  SELECT sum((x ->> 'offset')::numeric) AS nanoseconds
  FROM jsonb_array_elements(d.state -> 'offsets') x
  WHERE x ->> 'bootid' = r.bootid AND r.monotonic < (x ->> 'before')::numeric
) o ON true;
