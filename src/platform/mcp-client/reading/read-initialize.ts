import { isObject, type JsonObject, objectOf, stringOf } from './json-values.ts';

/** Repairs the optional members of a server's answer to the greeting, so that a wrong one does not end the connection. */
export function repairInitializeResult(result: unknown): unknown {
  if (!isObject(result)) return result;
  const { protocolVersion, capabilities, serverInfo, instructions } = result;
  return {
    protocolVersion,
    capabilities: Object.fromEntries(
      Object.entries(objectOf(capabilities) ?? {}).flatMap(([name, value]) => {
        const capability = value === true ? {} : objectOf(value);
        return capability ? [[name, flagsOf(capability)]] : [];
      }),
    ),
    serverInfo: serverInfoOf(objectOf(serverInfo) ?? {}),
    ...(typeof instructions === 'string' ? { instructions } : {}),
  };
}

/** Returns the members that this client may read: `listChanged`, `subscribe`. */
function flagsOf(capability: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(capability).filter(([, value]) => typeof value === 'boolean'));
}

function serverInfoOf({ name, version, title }: JsonObject): JsonObject {
  return {
    name: stringOf(name) ?? '',
    version: typeof version === 'number' ? String(version) : (stringOf(version) ?? ''),
    ...(typeof title === 'string' ? { title } : {}),
  };
}
