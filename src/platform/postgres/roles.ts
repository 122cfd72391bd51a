/** The role under which the job queue's statements run. A migration creates it; the server's login is a member of it. */
export const JOBS_ROLE = 'agentbase_jobs';
