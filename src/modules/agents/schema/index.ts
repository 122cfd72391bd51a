import './agent.ts';
import './agent-version.ts';
import './mutations.ts';
