import './server.ts';
import './config.ts';
import './tool.ts';
import './resource.ts';
import './execution.ts';
import './server-mutations.ts';
import './config-mutations.ts';
import './tool-mutations.ts';
