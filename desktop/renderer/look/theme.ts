/** Mantine in our clothes: palette, type and touch sizes. The tokens themselves stand in tokens.css. */
import {
  Button,
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  PasswordInput,
  TextInput,
} from '@mantine/core';

const pine: MantineColorsTuple = [
  '#e6f4ee',
  '#cfe8dd',
  '#a5d4c0',
  '#75bda0',
  '#45a582',
  '#1f8f6b',
  '#11795e',
  '#0a6650',
  '#085341',
  '#063f32',
];
/** The hint stands under its field, so that fields beside one another stay in line. */
const tall = {
  size: 'lg' as const,
  inputWrapperOrder: ['label', 'input', 'description', 'error'] as (
    | 'label'
    | 'input'
    | 'description'
    | 'error'
  )[],
};

export const theme = createTheme({
  primaryColor: 'pine',
  primaryShade: { light: 7, dark: 6 },
  colors: { pine },
  fontFamily: "'Tiki Sans', system-ui, 'Noto Sans', 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
  headings: { fontFamily: "'Tiki Sans', system-ui, sans-serif", fontWeight: '700' },
  defaultRadius: 12,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: Button.extend({
      defaultProps: { size: 'lg' },
      // Long words (Vietnamese, Indonesian) wrap rather than vanish.
      styles: {
        root: { minHeight: 'var(--tiki-touch)', height: 'auto', paddingBlock: 8 },
        label: { whiteSpace: 'normal', lineHeight: 1.25, overflow: 'visible', fontWeight: 650 },
      },
    }),
    TextInput: TextInput.extend({ defaultProps: tall }),
    PasswordInput: PasswordInput.extend({ defaultProps: tall }),
  },
});

/** Mantine's own greys give way to our paper and ink, so that one palette is on the screen. */
export const cssVariables: CSSVariablesResolver = () => {
  const ours = {
    '--mantine-color-body': 'var(--tiki-surface)',
    '--mantine-color-text': 'var(--tiki-ink)',
    '--mantine-color-dimmed': 'var(--tiki-soft)',
    '--mantine-color-placeholder': 'var(--tiki-soft)',
    '--mantine-color-anchor': 'var(--tiki-pine)',
    '--mantine-color-error': 'var(--tiki-red)',
    '--mantine-color-default': 'var(--tiki-surface)',
    '--mantine-color-default-hover': 'var(--tiki-sunken)',
    '--mantine-color-default-color': 'var(--tiki-ink)',
    '--mantine-color-default-border': 'var(--tiki-edge)',
    '--mantine-color-disabled': 'var(--tiki-sunken)',
    '--mantine-color-disabled-color': 'var(--tiki-soft)',
    '--mantine-color-disabled-border': 'var(--tiki-line)',
  };
  return { variables: {}, light: ours, dark: ours };
};
