-- Counts of stays in numbers: by reason, age, nationality and planned length, nothing of a person.

ALTER TABLE tram_hub.records ADD COLUMN stays jsonb;
