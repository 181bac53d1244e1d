"""Ad logs and an operational Postgres to hourly counts, an audited load table and KPI marts."""
