import {
  type DefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';

export interface OperationLimits {
  /** Deepest nesting of fields. */
  depth: number;
  aliases: number;
  directives: number;
}

function tooLarge(context: ValidationContext, what: string, most: number): void {
  context.reportError(
    new GraphQLError(`The operation has more than ${most} ${what}. Ask for less at once.`, {
      extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400, spec: true } },
    }),
  );
}

/** Counts nodes of a document, and stops the walk as soon as there are too many. */
function countRule(
  what: string,
  most: number,
  visitor: 'Directive' | 'Field',
  counts: (node: object) => boolean,
): ValidationRule {
  return (context) => {
    let count = 0;
    return {
      [visitor](node: object) {
        if (counts(node) && ++count === most + 1) tooLarge(context, what, most);
      },
    };
  };
}

/** The depth of a document with its fragments. Each fragment is measured once, and a cycle is left to the rule about cycles. */
function depthRule(most: number): ValidationRule {
  return (context) => ({
    Document({ definitions }) {
      const fragments = new Map<string, DefinitionNode & { selectionSet: SelectionSetNode }>();
      for (const definition of definitions) {
        if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
      }
      const measured = new Map<string, number>();
      const depthOf = (set: SelectionSetNode | undefined, open: ReadonlySet<string>): number => {
        let deepest = 0;
        for (const selection of set?.selections ?? []) {
          let depth = 0;
          if (selection.kind === Kind.FIELD) depth = 1 + depthOf(selection.selectionSet, open);
          else if (selection.kind === Kind.INLINE_FRAGMENT) depth = depthOf(selection.selectionSet, open);
          else {
            const name = selection.name.value;
            if (!open.has(name)) {
              depth = measured.get(name) ?? depthOf(fragments.get(name)?.selectionSet, new Set([...open, name]));
              measured.set(name, depth);
            }
          }
          deepest = Math.max(deepest, depth);
        }
        return deepest;
      };
      for (const definition of definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        // The introspection query of every tool is deeper than any real one and has a switch of its own.
        const first = definition.selectionSet.selections[0];
        const introspection =
          definition.selectionSet.selections.length === 1 && first?.kind === Kind.FIELD && first.name.value === '__schema';
        if (!introspection && depthOf(definition.selectionSet, new Set()) > most) return tooLarge(context, 'levels', most);
      }
    },
  });
}

/** Refuses documents that are too large before anything of them is run. */
export function operationLimits(limits: OperationLimits): Plugin {
  const rules = [
    countRule('aliases', limits.aliases, 'Field', (node) => 'alias' in node && node.alias !== undefined),
    countRule('directives', limits.directives, 'Directive', () => true),
    depthRule(limits.depth),
  ];
  return {
    onValidate({ addValidationRule }) {
      for (const rule of rules) addValidationRule(rule);
    },
  };
}
