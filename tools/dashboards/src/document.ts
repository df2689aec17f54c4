// The parts of Grafana's dashboard JSON that the renderer and the tests read.

export interface Document {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly refresh: string;
  readonly tags: readonly string[];
  readonly editable: boolean;
  readonly annotations: { readonly list: readonly Annotation[] };
  readonly templating: { readonly list: readonly Variable[] };
  readonly links: readonly { readonly title: string; readonly tags: readonly string[] }[];
  readonly panels: readonly PanelDocument[];
}

export interface Annotation {
  readonly name: string;
  readonly iconColor: string;
  readonly datasource: { readonly uid: string };
  readonly expr: string;
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly allValue: string;
  readonly query: { readonly query: string };
}

export interface PanelDocument {
  readonly id: number;
  readonly type: 'row' | 'stat' | 'timeseries' | 'gauge' | 'table' | 'heatmap' | 'state-timeline';
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  /** Rows lack this and the properties below. */
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: FieldConfig;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly targets?: readonly Target[];
  readonly transformations?: readonly { readonly id: string; readonly options: Organize }[];
}

export interface FieldConfig {
  readonly defaults: {
    readonly unit: string;
    readonly min?: number;
    readonly max?: number;
    readonly decimals?: number;
    readonly noValue?: string;
    readonly thresholds: Thresholds;
    readonly mappings?: readonly {
      readonly options: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
    }[];
    readonly custom?: {
      readonly fillOpacity?: number;
      readonly lineWidth?: number;
      readonly stacking?: { readonly mode: string };
      readonly thresholdsStyle?: { readonly mode: string };
    };
  };
  readonly overrides: readonly {
    readonly matcher: { readonly options: string };
    readonly properties: readonly (
      | { readonly id: 'color'; readonly value: { readonly fixedColor: string } }
      | { readonly id: 'thresholds'; readonly value: Thresholds }
    )[];
  }[];
}

export interface Thresholds {
  readonly steps: readonly { readonly color: string; readonly value: number | null }[];
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant: boolean;
  readonly datasource: { readonly uid: string };
}

/** The columns of a table: hidden ones, their order and their titles. */
export interface Organize {
  readonly excludeByName: Readonly<Record<string, boolean>>;
  readonly indexByName: Readonly<Record<string, number>>;
  readonly renameByName: Readonly<Record<string, string>>;
}
