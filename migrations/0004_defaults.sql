-- Defaults a firm starts from; rows, so that it can change them (I9).
INSERT INTO kyc_levels (level, name, required_documents, description) VALUES
  ('basic', 'Basic', '[["passport", "national_id", "driving_licence"]]',
    'Identity from one document. Low limits.'),
  ('standard', 'Standard', '[["passport", "national_id"], ["proof_of_address"]]',
    'Identity and address. Ordinary limits.'),
  ('enhanced', 'Enhanced', '[["passport"], ["proof_of_address"], ["source_of_funds"], ["source_of_wealth"]]',
    'Enhanced due diligence: identity, address, source of funds and of wealth. High limits.');
