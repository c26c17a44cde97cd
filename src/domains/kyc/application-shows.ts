/** What events of an application show of it. */
export const APPLICATION_SHOWS = ['level', 'status', 'provider', 'version', 'outcome'] as const;
