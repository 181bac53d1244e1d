"""What others read: published marts and exports, what is noted of them, and who may read."""
