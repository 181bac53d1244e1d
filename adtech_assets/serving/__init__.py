"""What others read: the daily CSV, the audited table, published marts, exports and the report."""
