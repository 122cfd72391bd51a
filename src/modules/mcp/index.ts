import './schema/server.ts';
import './schema/config.ts';
import './schema/tool.ts';
import './schema/resource.ts';
import './schema/execution.ts';
import './schema/server-mutations.ts';
import './schema/config-mutations.ts';
import './schema/tool-mutations.ts';
