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

/** The name that says what a value is: `amountMinor`, `sale.amountMinor`, `row.amount_minor`. */
function moneyName(node) {
  const name =
    node?.type === 'Identifier'
      ? node.name
      : node?.type === 'MemberExpression' && !node.computed
        ? node.property.name
        : undefined;
  return typeof name === 'string' && /(?:^m|M|_m)inor$/.test(name) ? name : undefined;
}

/**
 * R51: minor units are a bigint, or decimal digits on the wire. A `number` loses cents above 2^53, and a division by a
 * number makes a float of them.
 */
const noFloatMoney = {
  create(context) {
    const report = (node, name) =>
      context.report({ node, message: `${name} is money: keep it a bigint, never a number.` });
    const typed = (node, key, annotation) => {
      const name = moneyName(key);
      if (name !== undefined && annotation?.typeAnnotation?.type === 'TSNumberKeyword') report(node, name);
    };
    return {
      TSPropertySignature: (node) => typed(node, node.key, node.typeAnnotation),
      PropertyDefinition: (node) => typed(node, node.key, node.typeAnnotation),
      Identifier: (node) => typed(node, node, node.typeAnnotation),
      CallExpression: (node) => {
        const { callee } = node;
        const named = callee.type === 'MemberExpression' ? callee.property : callee;
        if (!['Number', 'parseFloat', 'parseInt'].includes(named.name)) return;
        const name = moneyName(node.arguments[0]);
        if (name !== undefined) report(node, name);
      },
      UnaryExpression: (node) => {
        const name = moneyName(node.argument);
        if (node.operator === '+' && name !== undefined) report(node, name);
      },
    };
  },
};

export default {
  meta: { name: 'tikiwallet' },
  rules: {
    'no-assertion-through-unknown': noAssertionThroughUnknown,
    'no-float-money': noFloatMoney,
  },
};
