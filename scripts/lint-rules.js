// Lint rules of the project's own, for what oxlint has no rule. Loaded by
// .oxlintrc.json as a plugin; a rule here needs a reason that no stock rule covers.

/**
 * `x as unknown as T` (and `<T><unknown>x`) tells the compiler to believe anything. A value whose
 * type is not known is parsed or checked, and the check's result has the type.
 */
const noAssertionThroughUnknown = {
  create(context) {
    const check = (node) => {
      const inner = node.expression;
      if (inner.type !== 'TSAsExpression' && inner.type !== 'TSTypeAssertion') return;
      const through = inner.typeAnnotation.type;
      if (through !== 'TSUnknownKeyword' && through !== 'TSAnyKeyword' && through !== 'TSNeverKeyword')
        return;
      context.report({
        node,
        message: 'Do not assert through unknown: check the value and let the check give the type.',
      });
    };
    return { TSAsExpression: check, TSTypeAssertion: check };
  },
};

export default {
  meta: { name: 'tikiwallet' },
  rules: { 'no-assertion-through-unknown': noAssertionThroughUnknown },
};
