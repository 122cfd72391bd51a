import './agent.ts';
import './agent-version.ts';
