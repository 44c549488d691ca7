# Pickled models refer to their class by its module, which lies beside the script.
import numpy as np


class NearestMean:
    """With scikit-learn's interface."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == one].mean(axis=0) for one in self.classes_])
        return self

    def predict(self, X):
        away = ((np.asarray(X)[:, None, :] - self.means_[None]) ** 2).sum(axis=2)
        return self.classes_[away.argmin(axis=1)]
