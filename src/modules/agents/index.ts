import './schema/agent.ts';
import './schema/agent-version.ts';
import './schema/mutations.ts';
