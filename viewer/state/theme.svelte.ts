/** Light or dark: what the system says, or what was chosen on this machine. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "watchback.theme";

class ThemeChoice {
  private choice = $state<Theme>(readChoice());

  constructor() {
    apply(this.choice);
  }

  get current(): Theme {
    return this.choice;
  }

  set current(theme: Theme) {
    this.choice = theme;
    apply(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Storage may be closed; the choice then lasts as long as the page.
    }
  }
}

function readChoice(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === stored) ?? "system";
  } catch {
    return "system";
  }
}

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export const theme = new ThemeChoice();
