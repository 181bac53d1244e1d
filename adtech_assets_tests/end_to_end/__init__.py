"""The commands as a person types them: separate processes, embedded Postgres, real files."""
