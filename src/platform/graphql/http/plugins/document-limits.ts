import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';

export interface DocumentLimits {
  /** Deepest nesting of fields. */
  depth: number;
  aliases: number;
  directives: number;
  /** Fields in all, with the fragments written out. */
  fields: number;
  /** How often a field may be written at one place of the answer. Whether they agree is checked pair by pair. */
  repeats: number;
}

/** A place in the answer, where selections of the same name are merged. */
interface ResponsePosition {
  count: number;
  fragments: Set<string>;
  fields: Map<string, ResponsePosition>;
}

class TooLarge extends Error {}

function responsePosition(): ResponsePosition {
  return { count: 0, fragments: new Set(), fields: new Map() };
}

/** The introspection query of every tool is deeper than any real one, and has a switch and a depth rule of its own. */
function isIntrospection({ selectionSet: { selections } }: OperationDefinitionNode): boolean {
  const [first] = selections;
  return selections.length === 1 && first?.kind === Kind.FIELD && first.name.value === '__schema';
}

function countDocument(document: DocumentNode, limits: DocumentLimits): void {
  let aliases = 0;
  let directives = 0;
  visit(document, {
    Field(node) {
      if (node.alias && ++aliases > limits.aliases) throw new TooLarge(`${limits.aliases} aliases`);
    },
    Directive() {
      if (++directives > limits.directives) throw new TooLarge(`${limits.directives} directives`);
    },
  });
}

function countExpanded(document: DocumentNode, limits: DocumentLimits): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const reached = new Set<string>();
  let fields = 0;

  function walk({ selections }: SelectionSetNode, at: ResponsePosition, depth: number, mostDepth: number): void {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet, at, depth, mostDepth);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        const fragment = fragments.get(name);
        reached.add(name);
        // Spread twice at one place it counts once, which also ends the walk of one that contains itself.
        if (fragment && !at.fragments.has(name)) {
          at.fragments.add(name);
          walk(fragment.selectionSet, at, depth, mostDepth);
        }
      } else {
        const name = (selection.alias ?? selection.name).value;
        const field = at.fields.get(name) ?? responsePosition();
        at.fields.set(name, field);
        if (++fields > limits.fields) throw new TooLarge(`${limits.fields} fields`);
        if (++field.count > limits.repeats) throw new TooLarge(`${limits.repeats} times the same field at one place`);
        if (depth > mostDepth) throw new TooLarge(`${limits.depth} levels`);
        if (selection.selectionSet) walk(selection.selectionSet, field, depth + 1, mostDepth);
      }
    }
  }

  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    walk(definition.selectionSet, responsePosition(), 1, isIntrospection(definition) ? limits.fields : limits.depth);
  }
  // What no operation uses is a mistake, and is validated all the same.
  for (const [name, { selectionSet }] of fragments)
    if (!reached.has(name)) walk(selectionSet, responsePosition(), 1, limits.depth);
}

/**
 * The limit that a document exceeds, such as `15 levels`; undefined if it exceeds none. Stops at the first
 * excess, so that its own work is bounded for any document.
 */
export function findExceededLimit(document: DocumentNode, limits: DocumentLimits): string | undefined {
  try {
    countDocument(document, limits);
    countExpanded(document, limits);
    return undefined;
  } catch (error) {
    if (error instanceof TooLarge) return error.message;
    throw error;
  }
}
