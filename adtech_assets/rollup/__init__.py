"""The hourly roll-up by user agent, and what is known of each user agent."""
